// npm run kill [-- --runs N --seed S]: kill -9 at random moments of a run, resume, weights equal bit for bit.

import { parseArgs } from 'node:util'
import { killRuns } from './kill/kill-runs.ts'

const { values } = parseArgs({ options: { runs: { type: 'string', default: '20' }, seed: { type: 'string' } } })
const seed = Number(values.seed ?? Date.now() % 1e9)
console.log(`seed ${seed}`)
const { kills, different } = await killRuns(Number(values.runs), seed, (run) =>
  process.stdout.write(`run ${run + 1}\r`),
)
for (const line of different) console.log(line)
console.log(`${values.runs} runs, ${kills} kills, ${different.length} with other results`)
process.exitCode = different.length ? 1 : 0
