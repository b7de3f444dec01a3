// Reads the tags of other schemes for entities as IOB2's.

import { requireKind } from '@cola/graph/door'
import { checkValue, oneOf } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'

/** Schemes of tags for entities, under seqeval's names. */
export const tagSchemes = ['IOB1', 'IOB2', 'IOBES', 'BILOU'] as const
/** Name of a scheme of tags for entities. */
export type TagScheme = (typeof tagSchemes)[number]

/** What a tag says of its word: `next` begins an entity, or continues one of its type. */
type Part = 'begin' | 'inside' | 'next' | 'end' | 'single'

const parts: Readonly<Record<TagScheme, Readonly<Record<string, Part>>>> = {
  IOB1: { B: 'begin', I: 'next' },
  IOB2: { B: 'begin', I: 'inside' },
  IOBES: { B: 'begin', I: 'inside', E: 'end', S: 'single' },
  BILOU: { B: 'begin', I: 'inside', L: 'end', U: 'single' },
}

/** Whether an entity of several words has a tag for its last one. */
const hasEnds = (scheme: TagScheme): boolean => Object.values(parts[scheme]).includes('end')

const expectedTags = (scheme: TagScheme): string =>
  ['O', ...Object.keys(parts[scheme]).map((prefix) => `${prefix}-TYPE`)].join(', ')

type ReadTag = readonly [part: Part, type: string] | 'outside'

/** What a tag says; its prefix may be in lower case and have `_` behind it. Undefined for what is none of the scheme. */
function readTag(tag: unknown, scheme: TagScheme): ReadTag | undefined {
  if (typeof tag !== 'string') return undefined
  if (/^o$/i.test(tag)) return 'outside'
  const [, prefix = '', type = ''] = /^([a-z])[-_](.+)$/is.exec(tag) ?? []
  const part = parts[scheme][prefix.toUpperCase()]
  return part && [part, type]
}

/**
 * The tags of a sentence in IOB2: `O`, `B-TYPE` for the first word of an entity, `I-TYPE` for its others. Prefixes may be
 * in lower case, and `_` may stand for `-`.
 * @param scheme The scheme that the tags are of, by seqeval's name.
 * @param where The sentence, for errors.
 * @throws {DataError} naming the token: a tag that is none of the scheme, an entity that does not begin or end.
 * @throws {ConfigError} for an unknown scheme.
 */
export function toIob2(tags: readonly string[], scheme: TagScheme, where = 'tags'): string[] {
  requireKind('toIob2, tags', tags, 'list')
  checkValue('toIob2, scheme', scheme, oneOf(tagSchemes))
  const refuse = (at: number, what: string, expected: string): never => {
    throw new DataError({ where: `${where}, token ${at + 1}`, what, expected, found: describeValue(tags[at]) })
  }
  const ends = hasEnds(scheme)
  let open: string | undefined
  const converted = tags.map((tag, at) => {
    const read = readTag(tag, scheme) ?? refuse(at, `no tag of ${scheme}`, expectedTags(scheme))
    const [part, type] = read === 'outside' ? [] : read
    const goesOn = part !== undefined && /^(inside|next|end)$/.test(part) && open === type
    if (ends && open !== undefined && !goesOn) refuse(at, 'an entity before it has no end', `more of ${open}`)
    if ((part === 'inside' || part === 'end') && !goesOn)
      refuse(at, 'a tag that continues nothing', `an entity of ${type} before it`)
    open = ends && part !== 'begin' && part !== 'inside' ? undefined : type
    return part ? `${goesOn ? 'I' : 'B'}-${type}` : 'O'
  })
  if (ends && open !== undefined) refuse(tags.length - 1, 'an entity without an end', 'its last word tagged as such')
  return converted
}

/** The tags of IOB2 that the tags of a scheme become, once each: what begins an entity may be continued in IOB1. */
export function iob2Labels(labels: readonly string[], scheme: TagScheme): string[] {
  requireKind('iob2Labels, labels', labels, 'list')
  checkValue('iob2Labels, scheme', scheme, oneOf(tagSchemes))
  const converted = labels.map((label) => {
    const read = readTag(label, scheme)
    if (!read)
      throw new DataError({
        where: 'labels',
        what: `no tag of ${scheme}`,
        expected: expectedTags(scheme),
        found: describeValue(label),
      })
    if (read === 'outside') return 'O'
    const [part, type] = read
    return `${part === 'begin' || part === 'single' ? 'B' : 'I'}-${type}`
  })
  const begins = converted.flatMap((label) => (label.startsWith('I-') ? [`B-${label.slice(2)}`] : []))
  return [...new Set([...converted, ...begins])]
}
