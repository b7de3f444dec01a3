// The tensors of a checkpoint: model.safetensors, in one file or in shards.

import { fetchFiles, type Files, placeOf } from '@cola/data'
import type { Tensor } from '@cola/graph'
import { readJson, readSafetensors } from '@cola/train/files'
import { WeightsError } from '../errors.ts'
import { check, indexSchema } from '../schema.ts'

export const weightsFile = 'model.safetensors'
export const indexFile = 'model.safetensors.index.json'

/**
 * All tensors of model.safetensors, or of the shards that model.safetensors.index.json names.
 * @param isWanted Shards without such a tensor are neither fetched nor read. @default every tensor
 * @returns Undefined where neither file is there.
 */
export async function readWeights(
  files: Files,
  isWanted: (name: string) => boolean = () => true,
): Promise<Map<string, Tensor> | undefined> {
  await fetchFiles(files, [{ path: weightsFile, optional: true }])
  if (files.has(weightsFile)) return readSafetensors(files, weightsFile).tensors
  await fetchFiles(files, [{ path: indexFile, optional: true }])
  if (!files.has(indexFile)) return undefined
  const { weight_map } = check(indexSchema, readJson(files, indexFile), placeOf(files, indexFile))
  const held = Object.entries(weight_map).filter(([name]) => isWanted(name))
  const shards = [...new Set(held.map(([, shard]) => shard))]
  for (const shard of shards)
    if (/[/\\]/.test(shard))
      throw new WeightsError({ where: placeOf(files, indexFile), what: 'a shard outside the folder', found: shard })
  await files.fetch?.(shards.map((path) => ({ path })))
  return new Map(shards.flatMap((shard) => [...readSafetensors(files, shard).tensors]))
}
