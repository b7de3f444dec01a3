// A process under a watchdog.

import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** How a watched process ended. */
export interface Ended {
  /** `hang`: its progress stood still and it was killed. */
  how: 'finished' | 'crash' | 'hang'
  /** Last index in the progress file; undefined if none was written. */
  index: number | undefined
  /** The end of its standard error. */
  errors: string
}

function indexIn(path: string): number | undefined {
  const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
  return bytes.length < 8 ? undefined : Number(bytes.readBigInt64LE())
}

/** Runs Node with arguments until it ends, or until the progress file has not changed for `patience` milliseconds. */
export function watched(args: readonly string[], progress: string, patience: number): Promise<Ended> {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let [errors, hung] = ['', false]
  child.stderr.on('data', (data) => {
    errors = `${errors}${data}`.slice(-4000)
  })
  let last: number | undefined
  let since = performance.now()
  const timer = setInterval(() => {
    const now = indexIn(progress)
    if (now !== last) [last, since] = [now, performance.now()]
    // A start takes longer than a case.
    if (performance.now() - since < (last === undefined ? 4 * patience : patience)) return
    hung = true
    child.kill('SIGKILL')
  }, 200)
  return new Promise((resolve) =>
    child.once('close', (code) => {
      clearInterval(timer)
      resolve({ how: hung ? 'hang' : code === 0 ? 'finished' : 'crash', index: indexIn(progress), errors })
    }),
  )
}
