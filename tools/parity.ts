// npm run parity -- CASE_FOLDER... [--device cpu|webgpu|wasm]: checks golden cases and prints a line for each.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import type { Device } from '@cola/train'
import { runCase } from './parity/cases.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { device: { type: 'string', default: 'cpu' } },
})
if (positionals.length === 0) {
  console.error('usage: npm run parity -- CASE_FOLDER... [--device cpu|webgpu|wasm]')
  process.exit(2)
}
// A pattern such as golden/* names the cases' README too.
const folders = positionals.filter((path) => basename(path) !== 'README.md')
let failed = 0
for (const folder of folders) {
  if (!existsSync(folder)) {
    console.log(`${basename(folder).padEnd(18)} FAILED  no such folder`)
    failed++
    continue
  }
  try {
    const errors = await runCase(folder, values.device as Device)
    const ok = errors.every(({ worst }) => worst <= 1)
    if (!ok) failed++
    console.log(
      `${basename(folder).padEnd(18)} ${ok ? 'ok    ' : 'FAILED'}  ${errors.map(({ kind, error, tensor }) => `${kind} ${error.toExponential(1)}${ok ? '' : ` (${tensor})`}`).join('  ')}`,
    )
  } catch (error) {
    failed++
    console.log(`${basename(folder).padEnd(18)} FAILED  ${(error as Error).message}`)
  }
}
console.log(`${folders.length - failed} of ${folders.length} cases hold on ${values.device}`)
process.exitCode = failed ? 1 : 0
