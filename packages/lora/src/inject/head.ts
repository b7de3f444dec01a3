// The description of the head that an adapter was trained with: name, classes, pooling. PEFT's files do not record it,
// so it is saved in a file beside them.

import { AdapterError } from '../errors.ts'
import type { activations } from '../schema.ts'

/** The ways to read a text's hidden states. */
export const poolings = ['last', 'first', 'mean'] as const

/**
 * Which hidden states the head reads: those of the last real token (decoders), of the first token (encoders), or the
 * mean over real tokens.
 */
export type Pooling = (typeof poolings)[number]

/** transformers' name of an activation that heads have. */
export type Activation = (typeof activations)[number]

/** A layer normalization of a head. */
export interface HeadNorm {
  readonly module: string
  readonly epsilon: number
  /** @default true */
  readonly bias?: boolean | undefined
}

/** A linear layer of a head before its logits, with its activation: transformers' `classifier.dense`, a pooler. */
export interface HeadLayer {
  /** Path of the linear layer's module. */
  readonly module: string
  /** @default true */
  readonly bias?: boolean | undefined
  readonly activation: Activation
  /** A layer normalization after the activation. @default none */
  readonly norm?: HeadNorm | undefined
  /** Whether it is computed for every token, and pooling comes after it: EuroBERT's `late`. @default false */
  readonly before_pooling?: boolean | undefined
}

/** What of a head's layers has parameters, in their order: linear layers and normalizations. */
export const partsOf = (layers: readonly HeadLayer[]): (Omit<HeadLayer, 'norm'> | HeadNorm)[] =>
  layers.flatMap(({ norm, ...linear }) => [linear, ...(norm ? [norm] : [])])

/** A head over hidden states. */
export interface Head {
  /** The module that computes the logits: transformers' `score` for decoders, `classifier` for encoders. */
  readonly name: string
  readonly num_labels: number
  /** `none`: the head computes logits for every token. */
  readonly pooling: Pooling | 'none'
  /** What the states go through before. @default nothing */
  readonly layers?: readonly HeadLayer[] | undefined
  /** Names of the classes, in the order of the logits. */
  readonly labels?: readonly string[]
}

/** The fields in the order in which they are compared, each with the fix for a difference. */
const fixes: { readonly [Field in keyof Required<Head>]: (value: Head[Field]) => string } = {
  name: (name) => `withHead(model, { name: '${name}', ... })`,
  num_labels: (count) => `withHead(model, { num_labels: ${count}, ... })`,
  pooling: (pooling) => `withHead(model, { pooling: '${pooling}', ... })`,
  layers: (layers) => `withHead(model, { layers: ${JSON.stringify(layers)}, ... })`,
  labels: (labels) => `withHead(model, { labels: ${JSON.stringify(labels)}, ... })`,
}

const format = (value: unknown): string => (typeof value === 'object' ? JSON.stringify(value) : String(value))

/** A head with what it is where a field is absent. */
const whole = (head: Head): Head => ({ ...head, layers: head.layers ?? [] })

/** The first field of two heads that differs; fields that one of them lacks are skipped. */
function differingField(model: Head | undefined, adapter: Head | undefined): keyof Head | undefined {
  if (!model || !adapter) return undefined
  return (Object.keys(fixes) as (keyof Head)[]).find((field) => {
    const [actual, expected] = [whole(model)[field], whole(adapter)[field]]
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
  const [actual, expected] = [model, adapter].map((head) => head && whole(head)[field])
  throw new AdapterError({
    where: `head of the model, field "${field}"`,
    what: 'not what the adapter was trained with',
    expected: format(expected),
    found: format(actual),
    fix: `Write ${(fixes[field] as (value: unknown) => string)(expected)}.`,
  })
}
