// A fine-tuned decoder in the form of its file: with its cache and the runtime's attention, matrices as the file had
// them, for transformers.js and onnxruntime-genai.

import { fetchFiles, type FileSink } from '@cola/data'
import {
  type Graph,
  type PackedMatrix,
  quantizeProducts,
  runtimeNormalizations,
  type Tensor,
  toFloat32,
} from '@cola/graph'
import type { ModelFolder } from '@cola/train'
import { readJson, sinkOf, writeJson } from '@cola/train/files'
import { adapterOf } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { merge } from '../inject/merge.ts'
import type { BaseModel } from '../load/base-model.ts'
import { isQuantized } from '../onnx/quantization.ts'
import type { CachedModel } from '../onnx/read.ts'

/** What quantizing merged matrices again, in the bits of the base, changes. */
export interface Requantized {
  /** Number of matrices. */
  readonly matrices: number
  /** Norm of what rounding changes, as a share of the norm of all of these matrices. */
  readonly relative_error: number
}

/** The file's decoder with the adapter merged, or beside its matrices, which then stay as they are. */
export function decoderToWrite(cached: CachedModel, trained: AdaptedModel, merges: boolean): Graph {
  const loaded = loadAdapter(cached, adapterOf(trained))
  return runtimeNormalizations(merges ? merge(loaded).graph : loaded.graph)
}

/** A model whose merged matrices are in the bits and blocks of the base's again, and what that changes. */
export function inBitsOf(base: Graph, merged: Graph): { graph: Graph; requantized?: Requantized } {
  const graph = repacked(merged, base)
  const changed = [...graph.initializers].flatMap(([name, matrix]): [Tensor, Tensor][] => {
    const before = merged.initializers.get(name)
    return before && matrix.packed && !before.packed ? [[before, matrix]] : []
  })
  return { graph, ...(changed.length > 0 ? { requantized: requantized(changed) } : {}) }
}

function requantized(pairs: readonly (readonly [before: Tensor, after: Tensor])[]): Requantized {
  let [error, norm] = [0, 0]
  for (const [before, after] of pairs) {
    const [values, rounded] = [toFloat32(before), toFloat32(after)]
    values.forEach((value, i) => {
      error += (value - (rounded[i] as number)) ** 2
      norm += value ** 2
    })
  }
  return { matrices: pairs.length, relative_error: Math.sqrt(error / norm) }
}

/** A graph whose float32 matrices are in the bits and blocks that those of the same names have in another one. */
function repacked(graph: Graph, { initializers }: Graph): Graph {
  const formOf = ({ bits, blockSize }: PackedMatrix) => `${bits} bits in blocks of ${blockSize}`
  const packed = [...initializers.values()].flatMap((matrix) => matrix.packed ?? [])
  const forms = new Map(packed.map((matrix) => [formOf(matrix), matrix]))
  return [...forms].reduce((result, [form, { bits, blockSize }]) => {
    const selects = ({ weight }: { weight: string }, matrix: Tensor) => {
      const original = initializers.get(weight)?.packed
      return !matrix.packed && original !== undefined && formOf(original) === form
    }
    return quantizeProducts(result, { bits, blockSize, minimum: 0, selects })
  }, graph)
}

/** How matrices are stored in the form of the base's. */
export const storedAs = ({
  graph,
  float16,
}: Pick<CachedModel, 'graph' | 'float16'>): NonNullable<ModelFolder['dtype']> => {
  if (isQuantized(graph)) return 'packed'
  return float16 ? 'float16' : 'float32'
}

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
 * onnxruntime-genai's configuration with the name of the written file.
 */
export async function writeCompanions(folder: string | FileSink, { files }: BaseModel, file: string): Promise<void> {
  await fetchFiles(files, [{ path: genai, optional: true }])
  if (files.has(generation)) sinkOf(folder).write(generation, [files.read(generation)])
  if (!files.has(genai)) return
  const { model, ...rest } = readJson(files, genai) as { model: { decoder: object } }
  const decoder = { ...model.decoder, filename: file }
  writeJson(sinkOf(folder), genai, { ...rest, model: { ...model, decoder } })
}
