// Runs that are done once and kept: an interrupted report goes on where it was.

import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '@cola/train'

/**
 * The result of a run: read from FOLDER/NAME.json if it was made with the same settings, else computed and written there as a whole.
 * @param run Gets a folder of its own for checkpoints, which it may resume from. Returns undefined where it was stopped.
 */
export async function once<Result>(
  folder: string,
  name: string,
  settings: unknown,
  run: (folder: string) => Promise<Result | undefined>,
): Promise<Result | undefined> {
  const path = join(folder, `${name}.json`)
  const fingerprint = createHash('sha256').update(JSON.stringify(settings)).digest('hex')
  if (existsSync(path)) {
    const kept = JSON.parse(readFileSync(path, 'utf8')) as { fingerprint: string; result: Result }
    if (kept.fingerprint === fingerprint) return kept.result
  }
  const result = await run(join(folder, `${name}-${fingerprint.slice(0, 8)}`))
  if (result !== undefined) writeFileAtomic(path, `${JSON.stringify({ fingerprint, result })}\n`)
  return result
}
