// What a base's configuration says of classes: transformers' class takes it from there, and so does PEFT.

import { defaultLabels } from '@cola/data'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'
import { type ProblemType, problemTypes } from '../tasks/problem-types.ts'

type Config = BaseModel['config']

const record = (value: unknown): readonly [string, unknown][] =>
  typeof value === 'object' && value !== null ? Object.entries(value) : []

/** The names of the classes by `id2label`, else by `label2id`, where there are as many; else `LABEL_0` and so on. */
export function namesIn({ id2label, label2id }: Config, count: number): string[] {
  const byName = record(label2id).map(([name, id]) => [String(id), name] as const)
  const rows = Array.from({ length: count }, (_, i) => i)
  const isWhole = (names: readonly unknown[]): names is string[] =>
    names.every((name) => typeof name === 'string') && new Set(names).size === count
  return (
    [record(id2label), byName]
      .filter((entries) => entries.length === count)
      .map((entries) => rows.map((i) => new Map(entries).get(String(i))))
      .find(isWhole) ?? defaultLabels(count)
  )
}

const isProblemType = (type: unknown): type is ProblemType =>
  typeof type === 'string' && Object.hasOwn(problemTypes, type)

/**
 * `problem_type` of the base; without it, a head of one number is a regression's.
 * @param given The option, which goes before.
 * @throws {ConfigError} for a regression of several numbers, and classes of one.
 */
export function problemTypeOf(
  { problem_type }: Config,
  count: number,
  given: ProblemType | undefined,
): ProblemType | undefined {
  const known = given ?? (count === 1 ? 'regression' : isProblemType(problem_type) ? problem_type : undefined)
  if (known === undefined || (known === 'regression') === (count === 1)) return known
  const isMany = count !== 1
  throw new ConfigError({
    where: given ? 'loadFineTuned, option problem_type' : 'config.json of the base, field "problem_type"',
    what: isMany ? `a regression of ${count} numbers` : 'classes of a head with one row',
    expected: isMany ? 'a head of one row' : "'regression'",
    found: isMany ? String(count) : known,
    fix: given ? 'Leave the option out.' : 'Say what the numbers are with the option problem_type.',
  })
}

/** @throws {ConfigError} for names that are not one for each row of the head. */
export function requireNames(labels: readonly unknown[] | undefined, count: number): void {
  if (!labels || labels.length === count) return
  throw new ConfigError({
    where: 'loadFineTuned, option labels',
    what: "not one name for each row of the adapter's head",
    expected: `${count} names`,
    found: String(labels.length),
    fix: 'Name all, in the order of training; without the option they are those of the base, or LABEL_0 and so on.',
  })
}
