// The description of the head that an adapter was trained with: name, classes, pooling. PEFT's files do not record it,
// so it is saved in a file beside them.

import { AdapterError } from '../errors.ts'

/** The ways to read a text's hidden states. */
export const poolings = ['last', 'first', 'mean'] as const

/**
 * Which hidden states the head reads: those of the last real token (decoders), of the first token (encoders), or the
 * mean over real tokens.
 */
export type Pooling = (typeof poolings)[number]

/** A head over hidden states. */
export interface Head {
  /** The head's module: transformers' `score` for decoders, `classifier` for encoders. */
  readonly name: string
  readonly num_labels: number
  /** `none`: the head computes logits for every token. */
  readonly pooling: Pooling | 'none'
  /** Names of the classes, in the order of the logits. */
  readonly labels?: readonly string[]
}

/** The fields in the order in which they are compared, each with the fix for a difference. */
const fixes: { readonly [Field in keyof Required<Head>]: (value: Head[Field]) => string } = {
  name: (name) => `withHead(model, { name: '${name}', ... })`,
  num_labels: (count) => `withHead(model, { num_labels: ${count}, ... })`,
  pooling: (pooling) => `withHead(model, { pooling: '${pooling}', ... })`,
  labels: (labels) => `withHead(model, { labels: ${JSON.stringify(labels)}, ... })`,
}

const format = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/** The first field of two heads that differs; fields that one of them lacks are skipped. */
function differingField(model: Head | undefined, adapter: Head | undefined): keyof Head | undefined {
  if (!model || !adapter) return undefined
  return (Object.keys(fixes) as (keyof Head)[]).find((field) => {
    const [actual, expected] = [model[field], adapter[field]]
    return actual !== undefined && expected !== undefined && format(actual) !== format(expected)
  })
}

/** Whether a model's head reads what the head of an adapter was trained to read, for the same classes. */
export const isSameHead = (model: Head | undefined, adapter: Head | undefined): boolean =>
  differingField(model, adapter) === undefined

/**
 * Compares a model's head with the head that an adapter was trained with. Fields that one of them lacks are skipped.
 * @throws {AdapterError} naming the field that differs: name, number of classes, pooling, or order of the classes.
 */
export function checkHead(model: Head | undefined, adapter: Head | undefined): void {
  const field = differingField(model, adapter)
  if (!field) return
  const expected = adapter?.[field]
  throw new AdapterError({
    where: `head of the model, field "${field}"`,
    what: 'not what the adapter was trained with',
    expected: format(expected),
    found: format(model?.[field]),
    fix: `Write ${(fixes[field] as (value: unknown) => string)(expected)}.`,
  })
}
