// npm run parity -- CASE_FOLDER... [--device cpu|webgpu|cuda|wasm] [--chromium]: checks golden cases and prints a line
// for each. wasm is a device of browsers, and runs in Chromium; webgpu runs in Node unless --chromium is given.

import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { parseArgs } from 'node:util'
import type { Device } from '@cola/train'
import { hasChromium } from './chromium.ts'
import { runCase } from './parity/cases.ts'
import { chromiumCases } from './parity/chromium.ts'

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { device: { type: 'string', default: 'cpu' }, chromium: { type: 'boolean', default: false } },
})
if (positionals.length === 0) {
  console.error('usage: npm run parity -- CASE_FOLDER... [--device cpu|webgpu|cuda|wasm] [--chromium]')
  process.exit(2)
}
const device = values.device as Device
const inChromium = values.chromium || device === 'wasm'
if (inChromium && !hasChromium) {
  console.error(`--device ${device}: Chromium is not at /usr/bin/chromium; install it (apt-get install chromium)`)
  process.exit(2)
}
const chromium = inChromium ? chromiumCases() : undefined
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
    const errors = await (chromium?.run(folder, device) ?? runCase(folder, device))
    const ok = errors.every(({ worst }) => worst <= 1)
    if (!ok) failed++
    const found = errors.map(
      ({ kind, error, tensor }) => `${kind} ${error.toExponential(1)}${ok ? '' : ` (${tensor})`}`,
    )
    console.log(`${basename(folder).padEnd(18)} ${ok ? 'ok    ' : 'FAILED'}  ${found.join('  ')}`)
  } catch (error) {
    failed++
    console.log(`${basename(folder).padEnd(18)} FAILED  ${(error as Error).message}`)
  }
}
console.log(
  `${folders.length - failed} of ${folders.length} cases hold on ${device}${inChromium ? ' in Chromium' : ''}`,
)
await chromium?.close()
process.exitCode = failed ? 1 : 0
