// Findings as files that replay: TARGET/KIND.bin is the input, TARGET/KIND.txt says what happened.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Finding } from './run-cases.ts'

/** Writes a finding. @returns The path of the input. */
export function writeFinding(folder: string, { target, kind, detail, input }: Finding): string {
  const base = join(folder, target, kind.replace(/[^\w.]+/g, '-'))
  mkdirSync(join(folder, target), { recursive: true })
  writeFileSync(`${base}.bin`, input)
  writeFileSync(`${base}.txt`, `${kind}\n${detail}\n`)
  return `${base}.bin`
}
