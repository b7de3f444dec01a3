// Runs that are done once and kept: an interrupted report goes on where it was.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256, writeFileAtomic } from '@cola/train/files'

/**
 * The result of a run: read from FOLDER/NAME.json if it was made with the same settings, else computed and written
 * there as a whole.
 * @param run Gets a folder of its own for checkpoints, which it may resume from. Returns undefined where it was
 * stopped.
 */
export async function once<Result>(
  folder: string,
  name: string,
  settings: unknown,
  run: (folder: string) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const path = join(folder, `${name}.json`)
  const fingerprint = sha256([JSON.stringify(settings)])
  if (existsSync(path)) {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as { fingerprint: string; result: Result }
    if (kept.fingerprint === fingerprint) return kept.result
  }
  const result = await run(join(folder, `${name}-${fingerprint.slice(0, 8)}`))
  if (result !== undefined) writeFileAtomic(path, `${JSON.stringify({ fingerprint, result })}\n`)
  return result
}
