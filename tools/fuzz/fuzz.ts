// Fuzzes a target under a watchdog.

import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../root.ts'
import { writeFinding } from './findings.ts'
import { inputOf } from './run-cases.ts'
import { type Target, type TargetName, targets } from './targets.ts'
import { watched } from './watched.ts'

/** Milliseconds that one case may take, and hangs and crashes after which a target is left. */
const [patience, most] = [30_000, 5]

/**
 * Runs a target in processes of its own; after a hang or a crash the next process goes on behind that case.
 * @returns The number of inputs, and the files of the findings in out/fuzz.
 */
export async function fuzz(
  name: TargetName,
  seed: number,
  seconds: number,
): Promise<{ cases: number; files: string[] }> {
  const folder = join(root, 'out/fuzz')
  mkdirSync(folder, { recursive: true })
  rmSync(join(folder, name), { recursive: true, force: true })
  const scratch = mkdtempSync(join(tmpdir(), 'cola-fuzz-'))
  const progress = join(scratch, 'progress')
  let until = performance.now() + 1000 * seconds
  let begin = 0
  for (let left = seconds, ended = 0; left > 0 && ended < most; left = (until - performance.now()) / 1000, ended++) {
    rmSync(progress, { force: true })
    const { how, index, errors } = await watched(
      [
        ...['--import', 'tsx', '--conditions=@cola/source', '--max-old-space-size=1024'],
        join(root, 'tools/fuzz/child.ts'),
        ...[name, String(seed), String(begin), String(left), progress, folder],
      ],
      progress,
      patience,
    )
    if (index === undefined) throw new Error(`${name} does not start: ${errors}`)
    begin = index + 1
    if (how === 'finished') break
    const target: Target = targets[name]
    const { seeds } = await target.open()
    const kind = how === 'hang' ? 'hang' : `crash ${/FATAL ERROR: [^\n]{0,40}/.exec(errors)?.[0] ?? ''}`
    writeFinding(folder, { target: name, kind, detail: errors, input: inputOf(name, target, seeds, seed, index) })
    // The wait for a hang is not the target's time.
    if (how === 'hang') until += patience
  }
  rmSync(scratch, { recursive: true })
  const found = join(folder, name)
  const files = existsSync(found) ? readdirSync(found).filter((file) => file.endsWith('.bin')) : []
  return { cases: begin, files: files.map((file) => join('out/fuzz', name, file)) }
}
