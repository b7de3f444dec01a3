// The classes of a student that was saved: as its rows named them, as its configuration does, or as an option does.

import { defaultLabels, describeValue, type Label } from '@cola/data'
import type { DistilRnnConfig } from '@cola/rnn'
import { ConfigError } from '@cola/train'
import { areClasses } from './classes-of-run.ts'

/**
 * @param saved Those of distilled.json, which a folder of `saveStudent` lacks.
 * @param given The option labels.
 * @throws {ConfigError} for names that are not one a class, and others than the saved ones.
 */
export function labelsOfFolder(
  { num_labels, id2label }: DistilRnnConfig,
  saved: readonly Label[] | undefined,
  given: readonly Label[] | undefined,
): readonly Label[] {
  if (!given) return saved ?? defaultLabels(num_labels, id2label ?? undefined)
  const refuse = (what: string, expected: string, fix: string) =>
    new ConfigError({
      where: 'loadDistilled, option labels',
      what,
      expected,
      found: given.map(describeValue).join(', '),
      fix,
    })
  if (!areClasses(given) || given.length !== num_labels)
    throw refuse('not one name a class', `${num_labels} different names`, 'Name all, in the order of training.')
  if (saved && given.some((label, i) => label !== saved[i]))
    throw refuse(
      'the student was trained with others, which distilled.json has',
      saved.map(describeValue).join(', '),
      'Leave the option out: it is for students that saveStudent wrote.',
    )
  return given
}
