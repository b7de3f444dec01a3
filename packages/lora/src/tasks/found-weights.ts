// Weights in the loss, of classes and of positive rows, from rows and options. Loaded where one is given.

import type { Label } from '@cola/data'
import { ConfigError } from '../errors.ts'
import { allNames } from './all-names.ts'
import { type ClassWeight, type ClassWeights, perLabel } from './class-weight.ts'
import { noEffect } from './no-effect.ts'
import type { ProblemType } from './problem-types.ts'
import type { SequenceClassificationOptions } from './sequence-classification.ts'

/** How often each label occurs. */
function counted(found: readonly Label[]): [string, number][] {
  const counts = new Map<string, number>()
  for (const label of found) counts.set(String(label), (counts.get(String(label)) ?? 0) + 1)
  return [...counts]
}

/** scikit-learn's compute_class_weight('balanced') of the classes that occur. */
function balanced(found: readonly Label[]): ClassWeights {
  const counts = counted(found)
  return Object.fromEntries(counts.map(([label, count]) => [label, found.length / (counts.length * count)]))
}

/** Negative rows by positive ones, as PyTorch's documentation advises; 1 for what all rows have. */
const negativesByPositives = (found: readonly Label[], rows: number): ClassWeights =>
  Object.fromEntries(counted(found).map(([label, count]) => [label, (rows - count) / count || 1]))

/** @throws {ConfigError} for a weight of what is no class, and for weights that no class has. */
function ofClasses(option: string, weights: ClassWeights, names: readonly string[]): ClassWeights {
  const where = `option ${option}`
  if (weights instanceof Map)
    throw new ConfigError({ where, what: 'a Map', expected: 'an object', fix: 'Write Object.fromEntries(weights).' })
  const unknown = Object.keys(weights).find((name) => !names.includes(name))
  if (unknown === undefined) return weights
  throw new ConfigError({
    where,
    what: 'a weight of what is no class',
    expected: names.map((name) => JSON.stringify(name)).join(', '),
    found: JSON.stringify(unknown),
    fix,
  })
}

const fix = 'Classes are those of the rows, or of the option labels; one without a weight has 1.'

/**
 * @param found The label of each row, or the tag of each word.
 * @param labels All classes.
 * @throws {ConfigError} for a weight of what is no class, and for weights with which nothing is learned.
 */
export function foundWeights(
  option: ClassWeight,
  found: readonly Label[],
  labels: readonly Label[],
  trained?: readonly string[],
): ClassWeights {
  if (option === 'balanced') return balanced(found)
  const weights = ofClasses('class_weight', option, allNames(labels, trained))
  if (perLabel([...new Set(found)], weights).some((weight) => weight > 0)) return weights
  throw new ConfigError({
    where: 'option class_weight',
    what: 'each row has weight 0, so that nothing is learned',
    expected: 'a weight above 0',
    found: JSON.stringify(option),
    fix,
  })
}

/** The problem type of each option of the loss. */
const uses = {
  label_smoothing: 'single_label_classification',
  class_weight: 'single_label_classification',
  pos_weight: 'multi_label_classification',
} as const

/** What an option is for several labels, or for one. */
const others: Readonly<Record<string, string>> = {
  class_weight: 'Leave it out; several labels a text have pos_weight.',
  pos_weight: 'Leave it out; one label a text has class_weight.',
}

/** What the rows of a classifier give its loss. */
interface LabelledRows {
  problem_type: ProblemType
  rows: readonly { label: unknown }[]
  /** All classes. */
  labels: readonly Label[]
  /** Classes of the adapter that training goes on from. */
  trained?: readonly string[] | undefined
}

/**
 * The weights of a classifier's loss.
 * @throws {ConfigError} for an option without effect on the problem type, and for a weight of what is no class.
 */
export function lossWeights(
  options: Pick<SequenceClassificationOptions, keyof typeof uses>,
  { problem_type, rows, labels, trained }: LabelledRows,
): { class_weight?: ClassWeights; pos_weight?: ClassWeights } {
  for (const [name, use] of Object.entries(uses) as [keyof typeof uses, ProblemType][])
    if (options[name] && use !== problem_type)
      throw noEffect(name, problem_type, problem_type === 'regression' ? undefined : others[name])
  const { class_weight, pos_weight } = options
  const found = rows.flatMap(({ label }) => label as Label | Label[])
  const positive = () =>
    pos_weight === 'balanced'
      ? negativesByPositives(found, rows.length)
      : ofClasses('pos_weight', pos_weight as ClassWeights, allNames(labels, trained))
  return {
    ...(class_weight ? { class_weight: foundWeights(class_weight, found, labels, trained) } : {}),
    ...(pos_weight ? { pos_weight: positive() } : {}),
  }
}
