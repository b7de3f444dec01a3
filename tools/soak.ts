// npm run soak [-- --steps N --sessions N]: thousands of steps in one session, sessions opened and closed; heap, memory,
// files and handles where they were.

import { parseArgs } from 'node:util'
import { grown, type Soaked, soakSessions, soakSteps } from './soak/soak.ts'

const { values } = parseArgs({
  options: { steps: { type: 'string', default: '5000' }, sessions: { type: 'string', default: '200' } },
})
const report = (title: string, soaked: Soaked) => {
  const line = ({ heap, rss, ...others }: Soaked['before']) =>
    JSON.stringify({ heap: heap.toFixed(1), rss: rss.toFixed(1), ...others })
  console.log(`${title}\n  before ${line(soaked.before)}\n  after  ${line(soaked.after)}`)
  for (const problem of grown(soaked)) console.log(`  GROWN ${problem}`)
  if (grown(soaked).length > 0) process.exitCode = 1
}
report(`${values.steps} steps`, await soakSteps(Number(values.steps)))
report(`${values.sessions} sessions`, await soakSessions(Number(values.sessions)))
