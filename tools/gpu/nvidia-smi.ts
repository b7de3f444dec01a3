// What nvidia-smi says of the first GPU.

import { spawnSync } from 'node:child_process'

/** A line of values of the fields that are asked for, or undefined without nvidia-smi or a GPU. */
export function askGpu(...fields: readonly string[]): string | undefined {
  const query = [`--query-gpu=${fields.join(',')}`, '--format=csv,noheader']
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' })
  return status === 0 ? stdout.trim().split('\n')[0] : undefined
}
