// A pair of sessions of which one is open at a time: who is open, and when.

import { expect, it } from 'vitest'
import {
  largePair,
  makeRoom,
  type OpenOne,
  type Pair,
  type Runs,
  withoutEvaluation,
} from '../../src/session/one-at-a-time.ts'

const badAlloc = new Error('failed to call OrtRun(). ERROR_CODE: 6, ERROR_MESSAGE: std::bad_alloc')

/** What opens sessions, and a record of what became of them. */
function recorded() {
  const log: string[] = []
  const session = (name: keyof Pair): Runs => ({
    run: async () => {
      log.push(`${name} runs`)
      return {}
    },
    release: async () => void log.push(`${name} released`),
  })
  const open: OpenOne = async (name) => {
    log.push(`${name} opened`)
    return session(name)
  }
  return { log, session, open, warnings: [] as string[] }
}

it('of large weights opens a session when it is needed, and releases the other one before', async () => {
  const { log, open, warnings } = recorded()
  const pair = largePair(2 ** 31, open, (message) => warnings.push(message))
  expect(log).toEqual([])
  await Promise.all([pair.training.run({}), pair.training.run({}), pair.evaluation.run({})])
  await pair.training.release()
  await pair.evaluation.release()
  expect(log).toEqual([
    'training opened',
    'training runs',
    'training runs',
    'training released',
    'evaluation opened',
    'evaluation runs',
    'evaluation released',
  ])
  expect(warnings).toEqual([expect.stringMatching(/^The frozen weights take 2147 MB of the 4 GB of WebAssembly\./)])
})

it('that was refused its evaluation keeps the training session; what is not about memory stays an error', async () => {
  const { log, session, open } = recorded()
  expect(withoutEvaluation(new Error('no kernel'), session('training'), open, undefined)).toBeUndefined()
  const pair = withoutEvaluation(badAlloc, session('training'), open, undefined) as Pair
  await pair.training.run({})
  await pair.evaluation.run({})
  expect(log).toEqual(['training runs', 'training released', 'evaluation opened', 'evaluation runs'])
})

it('opens a session again after it could not be opened', async () => {
  const { log, open } = recorded()
  let isFull = true
  const pair = largePair(2 ** 30, (name) => (isFull ? Promise.reject(badAlloc) : open(name)), undefined)
  await expect(pair.training.run({})).rejects.toThrow(badAlloc)
  isFull = false
  await pair.training.run({})
  expect(log).toEqual(['training opened', 'training runs'])
})

it('makes room once, for all runs that failed at the same time', async () => {
  const { log, session, open, warnings } = recorded()
  const pair: Pair = { training: session('training'), evaluation: session('evaluation') }
  const { evaluation } = pair
  const how = { open, onWarning: (message: string) => void warnings.push(message) }
  const failure = { name: 'evaluation', session: evaluation, cause: badAlloc } as const
  expect(await makeRoom(pair, { ...failure, cause: new Error('idx=9') }, how)).toBe(false)
  expect(await Promise.all([makeRoom(pair, failure, how), makeRoom(pair, failure, how)])).toEqual([true, true])
  await pair.evaluation.run({})
  expect(log).toEqual(['training released', 'evaluation runs'])
  expect(warnings).toHaveLength(1)
  // There is nothing more to free.
  expect(await makeRoom(pair, { ...failure, session: pair.evaluation }, how)).toBe(false)
})
