// What a base's configuration says of classes: transformers' class takes it from there, and so does PEFT.

import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'
import type { ProblemType } from '../tasks/problem-types.ts'

type Config = BaseModel['config']

const record = (value: unknown): readonly [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : []

/** The names of the classes by `id2label`, else by `label2id`, where there are as many; else `LABEL_0` and so on. */
export function namesIn({ id2label, label2id }: Config, count: number): string[] {
  const byName = record(label2id).map(([name, id]) => [String(id), name] as const)
  const names = new Map([...byName, ...record(id2label)])
  const all = Array.from({ length: count }, (_, i) => names.get(String(i)))
  const isKnown = names.size === count && all.every((name): name is string => typeof name === 'string')
  return isKnown && new Set(all).size === count ? all : all.map((_, i) => `LABEL_${i}`)
}

const problemTypes: readonly ProblemType[] = ['single_label_classification', 'multi_label_classification', 'regression']

/**
 * `problem_type`; without it, a head of one number is a regression's.
 * @throws {ConfigError} for a regression of several numbers.
 */
export function problemTypeOf({ problem_type }: Config, count: number): ProblemType | undefined {
  if (count === 1) return 'regression'
  const known = problemTypes.find((type) => type === problem_type)
  if (known !== 'regression') return known
  throw new ConfigError({
    where: 'config.json of the base, field "problem_type"',
    what: `a regression of ${count} numbers`,
    expected: 'one number',
    found: String(count),
    fix: 'Say what the numbers are with the option problem_type.',
  })
}
