// Weights of classes from rows and from the option class_weight. Loaded where it is given.

import type { Label } from '@cola/data'
import { ConfigError } from '../errors.ts'
import type { ClassWeight, ClassWeights } from './class-weight.ts'

/** scikit-learn's compute_class_weight('balanced') of the classes that occur. */
function balanced(found: readonly Label[]): ClassWeights {
  const counts = new Map<string, number>()
  for (const label of found) counts.set(String(label), (counts.get(String(label)) ?? 0) + 1)
  return Object.fromEntries([...counts].map(([label, count]) => [label, found.length / (counts.size * count)]))
}

/**
 * @param found The label of each row, or the tag of each word.
 * @param labels All classes.
 * @throws {ConfigError} for a weight of what is no class.
 */
export function foundWeights(option: ClassWeight, found: readonly Label[], labels: readonly Label[]): ClassWeights {
  if (option === 'balanced') return balanced(found)
  const names = labels.map(String)
  const unknown = Object.keys(option).find((name) => !names.includes(name))
  if (unknown === undefined) return option
  throw new ConfigError({
    where: 'option class_weight',
    what: 'a weight of what is no class',
    expected: names.map((name) => JSON.stringify(name)).join(', '),
    found: JSON.stringify(unknown),
    fix: 'Classes are those of the rows, or of the option labels; one without a weight has 1.',
  })
}
