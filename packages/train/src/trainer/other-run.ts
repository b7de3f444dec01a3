// The error of a checkpoint that belongs to another run: it names what differs. Loaded with a run that is resumed.

import { type FileStore, placeOf } from '@cola/data'
import { CheckpointError } from '../errors.ts'
import { checkpointFile, type RunState } from './checkpoint.ts'
import type { RunParts } from './run-fingerprint.ts'

/** What the hashes of a run are of. */
const hashed = { model: 'the model', train: 'the training rows', evaluation: 'the evaluation rows' } as const

/** Fingerprint and parts of a run; checkpoints of older versions have no parts. */
export type RunIdentity = Pick<RunState, 'fingerprint' | 'parts'>

export function otherRun(store: FileStore, run: RunIdentity, saved: RunIdentity): CheckpointError {
  const parts = run.parts && saved.parts && differences(run.parts, saved.parts)
  const both = parts && parts.names.length > 0 ? parts : undefined
  return new CheckpointError({
    where: placeOf(store, checkpointFile),
    what: `it belongs to another run: ${both ? `${both.names.join(' and ')} ${verb(both.names)}` : 'model, rows or options differ'}`,
    ...(both ? both.values : { expected: run.fingerprint, found: saved.fingerprint }),
    fix: `Resume with what it was trained with, or choose another output folder.${both?.isOfLength ? ofLength : ''}`,
  })
}

const ofLength =
  ' Its learning rates follow from its length: training that goes on from what it saved is another run, such as ' +
  'fineTune(base, { adapter: folder }) of the folder of its save.'

const verb = (names: readonly string[]): string => (names.join() === hashed.model ? 'differs' : 'differ')

/** The names of what differs, and the values of options. */
function differences(run: RunParts, saved: RunParts) {
  const parts = (Object.keys(hashed) as (keyof typeof hashed)[]).filter((part) => run[part] !== saved[part])
  const names = Object.keys({ ...run.options, ...saved.options })
  const options = names.filter((name) => valueIn(run, name) !== valueIn(saved, name))
  const shown = (one: RunParts) => options.map((name) => `${name} ${valueIn(one, name)}`).join(', ')
  return {
    names: [...parts.map((part) => hashed[part]), ...(options.length > 0 ? ['the options'] : [])],
    isOfLength: options.some((name) => name === 'epochs' || name === 'max_steps'),
    values: options.length > 0 ? { expected: shown(run), found: shown(saved) } : {},
  }
}

const valueIn = ({ options }: RunParts, name: string): string => JSON.stringify(options[name]) ?? 'none'
