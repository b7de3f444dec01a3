// An option of a task that a saved model was trained with another value of. Loaded for the error.

import type { Label } from '@cola/data'
import { ConfigError } from '../errors.ts'

/** @param setting What the model was trained with. */
export function otherSetting(name: string, value: unknown, setting: unknown): ConfigError {
  const known = JSON.stringify(setting) ?? 'none'
  return new ConfigError({
    where: `loadFineTuned, option ${name}`,
    what: 'the model was trained with another one, which fine_tuned.json has',
    expected: known,
    found: JSON.stringify(value),
    fix: areSame(value, setting)
      ? `Write them in this order: ${known}.`
      : 'Leave the option out: it is for adapters that PEFT saved.',
  })
}

/** Whether two arrays of classes have the same, in another order. */
const areSame = (value: unknown, setting: unknown): boolean =>
  Array.isArray(value) &&
  Array.isArray(setting) &&
  value.length === setting.length &&
  (value as Label[]).every((label) => setting.includes(label))
