// The special tokens that a tokenizer's files name.

import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'

/** @throws {DataError} for a padding id that is not a token id. */
export function padIdOf(padding: { pad_id?: number } | null | undefined): number | undefined {
  const id = padding?.pad_id
  if (id === undefined || id === null || (Number.isSafeInteger(id) && id >= 0)) return id ?? undefined
  throw new DataError({
    where: 'tokenizer.json, padding, pad_id',
    what: 'not a token id',
    expected: 'a whole number from 0',
    found: describeValue(id),
  })
}

/** Fields such as `eos_token`: a text, or an object with one. */
export function specialTokensOf(config: object): Record<string, string> {
  const textOf = (value: unknown) =>
    typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value
  const entries = Object.entries(config).map(([name, value]) => [name, textOf(value)] as const)
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[0].endsWith('_token') && typeof entry[1] === 'string'),
  )
}
