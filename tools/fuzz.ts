// npm run fuzz [-- --target T --seconds N --seed S]: mutated inputs for every reader and every door that takes options.
// Whatever is thrown and is no typed error, a hang, a crash and a blow-up of time or memory is a finding: a file in
// out/fuzz, which `npm run fuzz -- --replay FILE` reads again.

import { existsSync, readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { fuzz } from './fuzz/fuzz.ts'
import { tryInput } from './fuzz/run-cases.ts'
import { type TargetName, targets } from './fuzz/targets.ts'

const { values } = parseArgs({
  options: {
    target: { type: 'string', multiple: true },
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string' },
    replay: { type: 'string' },
  },
})
const usage = (message: string): never => {
  console.error(`${message}\nusage: npm run fuzz [-- --target T --seconds N --seed S --replay FILE]`)
  console.error(`targets: ${Object.keys(targets).join(', ')}`)
  process.exit(2)
}
const isTarget = (name: string): name is TargetName => Object.hasOwn(targets, name)
const names = values.target ?? Object.keys(targets)
if (values.replay !== undefined) await replay(values.replay)
else {
  const seed = Number(values.seed ?? Date.now() % 1e9)
  const seconds = Number(values.seconds)
  if (!Number.isSafeInteger(seed) || !(seconds > 0)) usage('--seed is a whole number, --seconds a number above 0')
  console.log(`seed ${seed}, ${seconds} s a target`)
  let [cases, found] = [0, 0]
  for (const name of names) {
    if (!isTarget(name)) usage(`no target ${name}`)
    const result = await fuzz(name as TargetName, seed, seconds)
    console.log(`${name.padEnd(22)} ${String(result.cases).padStart(8)} inputs, ${result.files.length} findings`)
    for (const file of result.files) console.log(`  ${file}`)
    cases += result.cases
    found += result.files.length
  }
  console.log(`${cases} inputs, ${found} findings`)
  process.exitCode = found ? 1 : 0
}

async function replay(path: string): Promise<void> {
  const name = basename(dirname(path))
  if (!existsSync(path) || !isTarget(name)) return usage(`no finding ${path}`)
  const { read } = await targets[name].open()
  const finding = await tryInput(name, read, new Uint8Array(readFileSync(path)))
  console.log(finding ? `${finding.kind}\n${finding.detail}` : 'read, or refused by a typed error')
  process.exit(finding ? 1 : 0)
}
