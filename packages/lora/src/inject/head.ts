// What an adapter's classification head was trained as. PEFT's files say nothing of it, so it has a small file beside
// them.

import { AdapterError } from '../errors.ts'

/**
 * Where a sentence is read: a decoder at its last real token, an encoder at its first, or by the mean over real
 * tokens.
 */
export type Pooling = 'last' | 'first' | 'mean'

export interface Head {
  /** The head's module: transformers' `score` for decoders, `classifier` for encoders. */
  readonly name: string
  readonly num_labels: number
  /** `none`: every token has logits of its own. */
  readonly pooling: Pooling | 'none'
  /** Names of the classes, in the order of the logits. */
  readonly labels?: readonly string[]
}

/** Fields in the order in which a difference is said: each with what to do about it. */
const fields: { readonly [Field in keyof Required<Head>]: (value: Head[Field]) => string } = {
  name: (name) => `withHead(model, { name: '${name}', ... })`,
  num_labels: (count) => `withHead(model, { num_labels: ${count}, ... })`,
  pooling: (pooling) => `withHead(model, { pooling: '${pooling}', ... })`,
  labels: (labels) => `withHead(model, { labels: ${JSON.stringify(labels)}, ... })`,
}

const shown = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/**
 * Holds a model's head against the one that an adapter was trained with; what only one of them knows is not compared.
 * @throws {AdapterError} naming the field: other pooling, another name, other classes or another order of them.
 */
export function checkHead(model: Head | undefined, adapter: Head | undefined): void {
  if (!model || !adapter) return
  for (const field of Object.keys(fields) as (keyof Head)[]) {
    const [own, wanted] = [model[field], adapter[field]]
    if (own === undefined || wanted === undefined || shown(own) === shown(wanted)) continue
    throw new AdapterError({
      where: `head of the model, field "${field}"`,
      what: 'not what the adapter was trained with',
      expected: shown(wanted),
      found: shown(own),
      fix: `Write ${(fields[field] as (value: unknown) => string)(wanted)}.`,
    })
  }
}
