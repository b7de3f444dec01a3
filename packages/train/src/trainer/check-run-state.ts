// Checks the run state of a checkpoint, which comes from a file.

import { CheckpointError, ConfigError } from '../errors.ts'
import { type Check, checkOptions, type Checks, integer, list, object, string, text, whole } from '@cola/graph/options'
import type { BestEpoch, EpochSums, RunState } from './checkpoint.ts'

const number: Check = ['a number', (value) => typeof value === 'number']
const objects: Check = [
  'an array of objects',
  (value) => Array.isArray(value) && value.every((item) => object[1](item)),
]

const stateChecks: Checks<RunState> = {
  version: integer,
  fingerprint: string,
  parts: object,
  step: whole(0),
  batches: whole(0),
  epoch: whole(0),
  batch: whole(0),
  epochSums: object,
  history: objects,
  best: object,
}
const sumChecks: Checks<EpochSums> = { terms: objects, predictions: list, rows: list }
const bestChecks: Checks<BestEpoch> = { epoch: whole(1), value: number }
const historyChecks = { event: text, epoch: whole(1), step: whole(0), train_loss: number, eval_loss: number }

/** @throws {CheckpointError} naming the field that is missing or not what it should be. */
export function checkRunState(where: string, state: RunState): void {
  check(`${where}, run state`, state, stateChecks, ['best', 'parts'])
  check(`${where}, run state, epochSums`, state.epochSums, sumChecks)
  if (state.best) check(`${where}, run state, best`, state.best, bestChecks)
  for (const [i, { event, epoch, step, train_loss, eval_loss, ...rest }] of state.history.entries()) {
    const place = `${where}, run state, history[${i}]`
    check(place, { event, epoch, step, train_loss, eval_loss }, historyChecks, ['eval_loss'])
    check(place, { eval_metrics: rest.eval_metrics }, { eval_metrics: object })
  }
}

function check(
  where: string,
  value: object,
  checks: Readonly<Record<string, Check>>,
  optional: readonly string[] = [],
): void {
  for (const [name, [expected]] of Object.entries(checks))
    if (!optional.includes(name) && (value as Record<string, unknown>)[name] === undefined)
      throw new CheckpointError({ where: `${where}, field ${name}`, what: 'missing', expected })
  try {
    checkOptions(where, value, checks)
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause
    throw new CheckpointError(cause.problem, { cause })
  }
}
