// An option of a task that has no effect on what it stands beside. Loaded for the error.

import { ConfigError } from '../errors.ts'

/** What options are for. */
const uses = {
  label_smoothing: 'problem_type single_label_classification',
  class_weight: 'problem_type single_label_classification',
  pos_weight: 'problem_type multi_label_classification',
  scale: 'pairs or triples',
  completion_only_loss: 'rows with prompt and completion',
  assistant_only_loss: 'rows with messages',
} as const

/** @param found What there is in place of what the option is for. */
export const noEffect = (option: keyof typeof uses, found: string, fix = 'Leave it out.'): ConfigError =>
  new ConfigError({
    where: `option ${option}`,
    what: 'it has no effect here',
    expected: uses[option],
    found,
    fix,
  })
