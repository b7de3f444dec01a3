// What tokens of the training examples learn from: the teacher's hidden states, after a check that the student reads
// the same tokens.

import type { FileStore } from '@cola/data'
import { FeedError } from '@cola/train'
import { hiddenStatesOf } from '../teacher/hidden-states.ts'
import { normalizedStates, type StatesOfText } from '../teacher/normalized-states.ts'
import type { Split, Teacher } from '../teacher/teacher.ts'
import type { ExamplesOfRun } from './examples-of-run.ts'

/**
 * The teacher's normalized states of the training examples, in their order, up to the last of the unlabelled texts that
 * are given.
 * @param splits The labelled texts, and the unlabelled ones that teach by states.
 * @param folder Where the states are kept. @default in memory
 * @throws {FeedError} as `hiddenStatesOf`, and for a text that the student reads as other tokens.
 */
export async function tokenTargets(
  teacher: Teacher,
  splits: { readonly train: Split; readonly transfer: Split },
  { train, places }: Pick<ExamplesOfRun, 'train' | 'places'>,
  folder: string | FileStore | undefined,
): Promise<StatesOfText[]> {
  const found = [
    await hiddenStatesOf(teacher, splits.train, { folder }),
    await hiddenStatesOf(teacher, splits.transfer, { folder }),
  ]
  const [ofRows, ofTransfer] = normalizedStates(found) as [StatesOfText[], StatesOfText[]]
  const named = (split: Split, row: number) => `split "${split.name}", row ${row + 1}`
  const targets = [
    ...places.map((place) => [ofRows[place] as StatesOfText, named(splits.train, place)] as const),
    ...ofTransfer.map((states, row) => [states, named(splits.transfer, row)] as const),
  ]
  return targets.map(([states, where], i) => {
    requireTokens(train[i]?.input_ids ?? [], states.input_ids, where)
    return states
  })
}

/** @throws {FeedError} for a student's tokens that the teacher's do not begin with. */
export function requireTokens(student: readonly number[], teacher: Int32Array, where: string): void {
  const at = student.findIndex((id, i) => id !== teacher[i])
  if (at < 0) return
  throw new FeedError({
    where: `option hidden_states, ${where}, token ${at + 1}`,
    what: 'teacher and student read other tokens, so that their states cannot be compared token by token',
    expected: at < teacher.length ? `token id ${teacher[at]}, the teacher's` : `at most ${teacher.length} tokens`,
    found: `${student[at]}, the student's`,
    fix: "Leave out the option tokenizer, so that the student has the teacher's, and give both the same max_length.",
  })
}
