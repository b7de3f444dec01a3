// Options of distill that contradict each other, or have no effect beside others.

import { parseStudentConfig } from '@cola/rnn'
import { ConfigError } from '@cola/train'
import { defined } from '@cola/graph/options'
import { isTerms } from '../losses/graph-losses.ts'
import { labelChecks } from '../losses/loss-options.ts'
import type { OptionsOfRun } from './options.ts'
import { isModel } from './student-model.ts'
import { isWithoutTexts } from './transfer-texts.ts'

/** What options are of a teacher. */
const ofTeacher = { splits: 'names of splits', cache_dir: 'a folder for the logits', hidden_states: 'states' } as const

function refuse(option: string, what: string, fix: string): never {
  throw new ConfigError({ where: `distill, option ${option}`, what, fix })
}

/** @throws {ConfigError} for an option that contradicts others, or has no effect beside them. */
export function refuseContradictions(options: OptionsOfRun): void {
  const { student, teacher, tokenizer, train, transfer, embedding, hidden_states } = options
  if (student === undefined) refuse('student', 'missing', 'Give a configuration, {} for the default one, or a model.')
  if (!isModel(student)) parseStudentConfig(student, 'distill, option student')
  if (!isWithoutTexts(transfer) && teacher === undefined)
    refuse('transfer', 'unlabelled texts without a teacher', 'Give a teacher, or leave them out.')
  for (const [name, what] of Object.entries(ofTeacher))
    if (teacher === undefined && options[name as keyof typeof ofTeacher] !== undefined)
      refuse(name, `${what} of a teacher that is not given`, 'Give a teacher, or leave the option out.')
  if (hidden_states?.max_transfer_texts === 0 && !train?.length)
    refuse(
      'hidden_states, max_transfer_texts',
      'no text teaches by states',
      'Give rows with labels, or a number above 0.',
    )
  refuseUnusedLabels(options)
  if (!train?.length && isWithoutTexts(transfer))
    refuse('train', 'there is nothing to learn from', 'Give rows with labels.')
  if (tokenizer === undefined && teacher === undefined)
    refuse('tokenizer', 'missing', 'Give a folder, a name on the hub, or a tokenizer.')
  if (embedding !== undefined && isModel(student))
    refuse('embedding', 'the student has its own', 'Leave it out, or give the student as a configuration.')
}

/** @throws {ConfigError} for options of the labels' loss where labels teach nothing. */
function refuseUnusedLabels({ loss, train, transfer, teacher }: OptionsOfRun): void {
  if (loss === undefined || isTerms(loss)) return
  const unlabelled = !train?.length && !isWithoutTexts(transfer)
  const found = unlabelled ? 'no rows with labels' : teacher !== undefined && loss.alpha === 1 ? 'alpha 1' : undefined
  const [name] = Object.keys(defined(loss)).filter((option) => Object.hasOwn(labelChecks, option))
  if (found && name)
    throw new ConfigError({
      where: `distill, option loss, option ${name}`,
      what: 'it has no effect here',
      expected: 'labels that teach',
      found,
      fix: 'Leave it out.',
    })
}
