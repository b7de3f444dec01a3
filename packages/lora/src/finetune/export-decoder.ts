// A fine-tuned decoder with its cache, for transformers.js and onnxruntime-genai: in the form of its file, with the
// runtime's attention and matrices as the file had them, or GPT-2 as it is built here.

import { fetchFiles, type FileSink } from '@cola/data'
import { forInference, type Graph, type Model } from '@cola/graph'
import type { ModelFolder } from '@cola/train'
import { type pauses, readJson, sinkOf, writeJson } from '@cola/train/files'
import { adapterOf } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { ConfigError } from '../errors.ts'
import { hasWindowedCache, withGrowingCache } from '../generate/growing-cache.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { mergeWith } from '../inject/merge.ts'
import type { BaseModel } from '../load/base-model.ts'
import { isQuantized } from '../onnx/quantization.ts'
import type { CachedModel } from '../onnx/read.ts'

/**
 * The decoder with its cache that an export writes; undefined for one without. What has no file is written with a cache
 * for transformers.js only: other programs give token ids and a mask.
 * @throws {ConfigError} for a decoder without a cache where transformers.js is to generate with it.
 */
export function cachedDecoder(
  base: BaseModel,
  { layout = 'flat' }: Pick<ModelFolder, 'layout'>,
): CachedModel | undefined {
  const decoder = base.cachedLanguageModel()
  if (decoder) return 'float16' in decoder || layout === 'hub' ? { float16: false, ...decoder } : undefined
  if (layout !== 'hub') return undefined
  throw new ConfigError({
    where: `export, base ${base.name}`,
    what: 'it keeps no keys and values, and transformers.js generates only with a decoder that does',
    expected: "for layout 'hub', a file with inputs such as past_key_values.0.key",
    fix:
      'Export the base with its cache (optimum-cli: --task text-generation-with-past), save this model, and open it ' +
      "on that: loadFineTuned(folder, { task: 'CAUSAL_LM', base }). Other runtimes take layout 'flat', where each " +
      'call reads the whole text.',
  })
}

/** The decoder with the adapter merged, or beside its matrices, which then stay as they are. */
export async function decoderToWrite(
  cached: CachedModel,
  trained: AdaptedModel,
  merges: boolean,
  pause: ReturnType<typeof pauses>,
): Promise<Model> {
  const loaded = loadAdapter(cached, adapterOf(trained))
  return merges ? mergeWith(loaded, pause) : loaded
}

/** How matrices are stored in the form of the base's. */
export const storedAs = ({
  graph,
  float16,
}: Pick<CachedModel, 'graph' | 'float16'>): NonNullable<ModelFolder['dtype']> => {
  if (isQuantized(graph)) return 'packed'
  return float16 ? 'float16' : 'float32'
}

/**
 * A decoder in the form in which other programs read it, for a type in which its matrices are stored. Its cache grows
 * from nothing: transformers.js knows no other.
 */
export const inFormOf = (graph: Graph, dtype: NonNullable<ModelFolder['dtype']>): Graph =>
  withGrowingCache(forInference(graph, { packed: dtype === 'packed' || dtype === 'int4' }))

/** Fields of transformers.js's part of config.json that describe files: the cache here is float32, in one file. */
const fileFields = ['kv_cache_dtype', 'use_external_data_format']

/** config.json without what describes other files than those that are written. */
export function withoutFileFields(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { 'transformers.js_config': own, ...rest } = config
  if (typeof own !== 'object' || own === null) return config
  const kept = Object.entries(own).filter(([name]) => !fileFields.includes(name))
  return kept.length > 0 ? { ...rest, 'transformers.js_config': Object.fromEntries(kept) } : rest
}

const [genai, generation] = ['genai_config.json', 'generation_config.json']

/**
 * Writes the files beside a decoder that other programs read, where the base has them: generation_config.json, and
 * onnxruntime-genai's configuration with the name of the written file, whose cache grows.
 * @param original The decoder as the base has it.
 */
export async function writeCompanions(
  folder: string | FileSink,
  { files }: BaseModel,
  { file, original }: { file: string; original: Graph },
): Promise<void> {
  await fetchFiles(files, [{ path: genai, optional: true }])
  if (files.has(generation)) sinkOf(folder).write(generation, [files.read(generation)])
  if (!files.has(genai)) return
  const { model, ...rest } = readJson(files, genai) as { model: { decoder: { sliding_window?: object } } }
  const { sliding_window, ...decoder } = { ...model.decoder, filename: file }
  const window = sliding_window && !hasWindowedCache(original) ? { sliding_window } : {}
  writeJson(sinkOf(folder), genai, { ...rest, model: { ...model, decoder: { ...decoder, ...window } } })
}
