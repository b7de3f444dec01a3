// Encodes texts and pairs: their tokens, as many as there is room for, within a template.

import { checkOptions } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'
import { encodeEnd, pairEnds } from './encode-end.ts'
import { encodingChecks } from './encoding-options.ts'
import type { Templates } from './post-processor.ts'
import { addedTokens, bareTemplates, fill } from './template.ts'
import type { Tokenizer } from './tokenizer.ts'
import { roomFor, truncate, type TruncationSide, type TruncationStrategy, truncatePair } from './truncate.ts'

const sides: Readonly<Record<string, TruncationSide>> = { left: 'left', right: 'right', Left: 'left', Right: 'right' }

const strategies: Readonly<Record<string, TruncationStrategy>> = {
  longest_first: 'longest_first',
  only_first: 'only_first',
  only_second: 'only_second',
  LongestFirst: 'longest_first',
  OnlyFirst: 'only_first',
  OnlySecond: 'only_second',
}

/** What is cut where options do not say it. */
export interface TruncationDefaults {
  readonly side: TruncationSide
  readonly strategy: TruncationStrategy
}

/** `truncation` of tokenizer.json. */
export interface TruncationJson {
  max_length?: number
  direction?: string
  strategy?: string
}

/** What a tokenizer's files say of truncation. @throws {DataError} for a side or a strategy that is not known. */
export const truncationDefaults = (
  json: TruncationJson | null | undefined,
  truncation_side?: string,
): TruncationDefaults => ({
  side: entryOf(sides, 'truncation_side', truncation_side ?? json?.direction ?? 'right'),
  strategy: entryOf(strategies, 'truncation_strategy', json?.strategy ?? 'longest_first'),
})

/** `encodePlus` of a tokenizer. @param contentOf Tokens of a text without special tokens. */
export function encoderOf(
  contentOf: (text: string) => number[],
  templates: Templates,
  { side, strategy }: TruncationDefaults,
): Tokenizer['encodePlus'] {
  return (text, options = {}) => {
    checkOptions('encode', options, encodingChecks)
    const { text_pair, max_length = Number.POSITIVE_INFINITY, add_special_tokens = true } = options
    const kind = text_pair === undefined ? 'single' : 'pair'
    const template = add_special_tokens ? templates[kind]() : bareTemplates[kind]
    const room = roomFor(max_length, addedTokens(template))
    const { truncation_side = side, truncation_strategy = strategy } = options
    const truncation = { maxLength: room, side: truncation_side, strategy: truncation_strategy }
    requireString(text, 'text')
    if (text_pair !== undefined) requireString(text_pair, 'option text_pair')
    const endsOf = (part: string) => encodeEnd(contentOf, part, { length: room, side: truncation_side })
    if (text_pair === undefined) {
      const content = endsOf(text)
      const first = truncate(content, room, truncation_side)
      return { ...fill(template, { first, second: [] }), overflow: content.length - first.length }
    }
    const [content, pairContent] = pairEnds(contentOf, endsOf, [text, text_pair], truncation)
    const [first, second] = truncatePair([content, pairContent], truncation)
    return {
      ...fill(template, { first, second }),
      overflow: content.length + pairContent.length - first.length - second.length,
    }
  }
}

function requireString(text: unknown, where: string): void {
  if (typeof text !== 'string')
    throw new DataError({ where, what: 'not a text', expected: 'a string', found: describeValue(text) })
}

/** The entry of a key in a table. @throws {DataError} for an unknown key. */
function entryOf<Value>(table: Readonly<Record<string, Value>>, where: string, key: string): Value {
  if (Object.hasOwn(table, key)) return table[key] as Value
  throw new DataError({ where, what: 'not known', expected: Object.keys(table).join(', '), found: String(key) })
}
