// Kills runs at random moments, lets them continue, and compares them with one that nobody disturbed.

import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { random } from '@cola/data'
import { root } from '../root.ts'

/** What {@link killRuns} saw. */
export interface KillResult {
  kills: number
  /** Runs whose weights, losses or best epoch are others than those of the undisturbed run. */
  different: string[]
}

const tsx = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href

/** Runs the training in a folder. */
const train = (folder: string, after?: number) => runProgram('train.ts', folder, { after })

/**
 * Runs a program of this folder in a folder of its own. It is killed `after` milliseconds from the first line on that it
 * writes, or when it has written so many lines. @returns How it ended.
 */
export function runProgram(
  program: string,
  folder: string,
  { after, lines = Number.POSITIVE_INFINITY }: { after?: number | undefined; lines?: number } = {},
): Promise<{ killed: boolean; milliseconds: number }> {
  const args = ['--import', tsx, '--conditions=@cola/source', join(root, 'tools/kill', program), folder]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let [start, errors] = [0, '']
  let timer: NodeJS.Timeout | undefined
  child.stdout.once('data', () => {
    start = performance.now()
    if (after !== undefined) timer = setTimeout(() => child.kill('SIGKILL'), after)
  })
  let left = lines
  child.stdout.on('data', (data: Buffer) => {
    left -= data.toString().split('\n').length - 1
    if (left <= 0) child.kill('SIGKILL')
  })
  child.stderr.on('data', (data) => {
    errors += data
  })
  return new Promise((resolve, reject) =>
    child.once('close', (code, signal) => {
      clearTimeout(timer)
      const killed = signal === 'SIGKILL'
      if (!killed && code !== 0) reject(new Error(`the run in ${folder} failed: ${errors}`))
      else resolve({ killed, milliseconds: performance.now() - start })
    }),
  )
}

export const resultIn = (folder: string): string => readFileSync(join(folder, 'result.json'), 'utf8')

/**
 * Each run is killed up to three times, at moments drawn from the time that the undisturbed run took, and then finishes.
 * @throws {Error} when a run does not continue.
 */
export async function killRuns(runs: number, seed: number, onRun?: (run: number) => void): Promise<KillResult> {
  const work = mkdtempSync(join(tmpdir(), 'cola-kill-'))
  const undisturbed = join(work, 'undisturbed')
  const { milliseconds } = await train(undisturbed)
  const expected = resultIn(undisturbed)
  const result: KillResult = { kills: 0, different: [] }
  for (let run = 0; run < runs; run++) {
    const folder = join(work, String(run))
    const stream = random(seed, 'kill', run)
    for (let left = 3; left > 0 && !existsSync(join(folder, 'result.json')); left--)
      if ((await train(folder, milliseconds * stream.uniform())).killed) result.kills++
    if (!existsSync(join(folder, 'result.json'))) await train(folder)
    const found = resultIn(folder)
    if (found !== expected) result.different.push(`run ${run}: expected ${expected}, found ${found}`)
    onRun?.(run)
  }
  rmSync(work, { recursive: true })
  return result
}
