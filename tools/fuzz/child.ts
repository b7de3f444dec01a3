// A process that runs cases: child.ts TARGET SEED BEGIN SECONDS PROGRESS FOLDER. It writes the index of each case to the
// file PROGRESS before it begins, so that a hang or a crash can be told from outside.

import { openSync, writeSync } from 'node:fs'
import { writeFinding } from './findings.ts'
import { runCases } from './run-cases.ts'
import type { TargetName } from './targets.ts'

const [name, seed, begin, seconds, progress, folder] = process.argv.slice(2) as [TargetName, ...string[]]
const file = openSync(progress as string, 'w')
const index = new BigInt64Array(1)
let until = Number.POSITIVE_INFINITY

await runCases(name, {
  seed: Number(seed),
  begin: Number(begin),
  more: () => performance.now() < until,
  onCase: (i) => {
    // The clock starts with the first case, not with the process.
    if (i === Number(begin)) until = performance.now() + 1000 * Number(seconds)
    index[0] = BigInt(i)
    writeSync(file, index, 0, 8, 0)
  },
  onFinding: (finding) => writeFinding(folder as string, finding),
})
process.exit(0)
