// Reads and writes the pooling in folders of sentence-transformers.

import { placeOf } from '@cola/data'
import { readJson } from '@cola/train/files'
import { ConfigError } from '../errors.ts'
import type { Pooling } from '../inject/head.ts'
import type { BaseModel } from '../load/base-model.ts'
import { poolingFile } from '../onnx/companions.ts'
import { check, poolingSchema } from '../schema.ts'

/**
 * sentence-transformers' names of the ways to pool that there are here: in files of today, and as a flag in older ones.
 */
const modes: { readonly [P in Pooling]: { name: string; flag: string } } = {
  first: { name: 'cls', flag: 'pooling_mode_cls_token' },
  mean: { name: 'mean', flag: 'pooling_mode_mean_tokens' },
  last: { name: 'lasttoken', flag: 'pooling_mode_lasttoken' },
}

/**
 * What the base was pooled by in sentence-transformers; without its file, `last` for models that read from left to
 * right and `mean` for others.
 * @throws {ConfigError} for another way to pool, or several at once.
 */
export function poolingOf({ files, causal }: BaseModel): Pooling {
  const path = placeOf(files, poolingFile)
  if (!files.has(poolingFile)) return causal ? 'last' : 'mean'
  const { pooling_mode, ...flags } = check(poolingSchema, readJson(files, poolingFile), path)
  const set = Object.entries(flags).flatMap(([name, value]) =>
    name.startsWith('pooling_mode_') && value === true ? [name] : [],
  )
  const selected = pooling_mode === undefined ? set : [pooling_mode].flat()
  const [mode] = Object.entries(modes).filter(([, { name, flag }]) => selected[0] === name || selected[0] === flag)
  if (mode && selected.length === 1) return mode[0] as Pooling
  throw new ConfigError({
    where: `${path}, field "pooling_mode"`,
    what: 'not computed',
    expected: Object.values(modes)
      .map(({ name }) => name)
      .join(', '),
    found: selected.join(', ') || 'none',
    fix: `Choose another with the option pooling: ${Object.keys(modes).join(', ')}.`,
  })
}

/** Files by which sentence-transformers computes the same embeddings from a folder: transformer, pooling, length 1. */
export function sentenceTransformersFiles(
  pooling: Pooling,
  { width, max_length }: { width: number; max_length: number },
): Record<string, unknown> {
  const types = { '': 'Transformer', '1_Pooling': 'Pooling', '2_Normalize': 'Normalize' }
  const modules = Object.entries(types).map(([path, type], idx) => ({
    idx,
    name: String(idx),
    path,
    type: `sentence_transformers.models.${type}`,
  }))
  const flags = Object.entries(modes).map(([mode, { flag }]) => [flag, mode === pooling])
  return {
    [poolingFile]: { word_embedding_dimension: width, ...Object.fromEntries(flags) },
    'sentence_bert_config.json': {
      max_seq_length: Number.isFinite(max_length) ? max_length : null,
      do_lower_case: false,
    },
    // Last: sentence-transformers recognizes a folder by this file.
    'modules.json': modules,
  }
}
