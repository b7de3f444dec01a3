// What tags say: entities in a scheme, or a tag of its own for each word, such as its part of speech.

import { checkIob2, DataError, iob2Labels, type TagScheme, tagSchemes, toIob2 } from '@cola/data'
import { type Check, oneOf } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'

const [schemes, isScheme] = oneOf(tagSchemes)
/** A scheme, or null for tags that are of none. */
export const schemeCheck: Check = [`${schemes}, or null`, (value) => value === null || isScheme(value)]

const iob2 = /^(O|[BI]-.+)$/
/** Tags of IOBES and BILOU, too. */
const anyScheme = /^(O|[BIESLU]-.+)$/
/** The same in another spelling, such as b-per and B_PER. */
const loose = /^(O|[BIESLU][-_].+)$/i

/** Whether tags are those of IOB2. */
export const areIob2 = (labels: readonly string[]): boolean => labels.every((label) => iob2.test(label))

/** Whether a model's tags make entities. */
export const readsEntities = ({ labels, scheme }: { labels: readonly string[]; scheme?: TagScheme | null }): boolean =>
  scheme !== null && labels.every((label) => anyScheme.test(label))

/** Whether tags are plainly meant as a scheme for entities: a B-TYPE or I-TYPE among them, or all are of such a form. */
function looksLikeScheme(tags: readonly string[]): boolean {
  const others = tags.filter((tag) => !/^o$/i.test(tag))
  const isSpeltOtherwise = others.every((tag) => loose.test(tag)) && others.some((tag) => /^[bi]/i.test(tag))
  return others.some((tag) => /^[BI]-./.test(tag)) || others.every((tag) => anyScheme.test(tag)) || isSpeltOtherwise
}

/** Whether nothing is thrown. */
function holds(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

/**
 * What to do about tags that are not IOB2.
 * @param read Throws for a scheme that the tags are not of.
 */
function schemeFix(read: (scheme: TagScheme) => unknown): string {
  // IOB1 is last, because it reads what is broken in IOB2.
  const order = ['IOB2', 'IOBES', 'BILOU', 'IOB1'] satisfies TagScheme[]
  const found = order.find((scheme) => holds(() => read(scheme)))
  const said = found
    ? `As ${found} they can be read: give scheme: '${found}', if they are.`
    : `Give their scheme, ${schemes}, as option scheme, if they are of another one.`
  return `${said} With scheme: null each word has a tag of its own.`
}

/**
 * Checks tags whose scheme no option says.
 * @param rows The tags of each row.
 * @param labels Tags that an option names.
 * @throws {DataError | ConfigError} for tags that look like a scheme and are not IOB2.
 */
export function requireClearTags(rows: readonly (readonly string[])[], labels: readonly string[], where: string): void {
  if (!looksLikeScheme([...new Set([...labels, ...rows.flat()])])) return
  try {
    checkIob2(rows, where)
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    throw new DataError({ ...error.problem, fix: schemeFix((scheme) => rows.map((tags) => toIob2(tags, scheme))) })
  }
  const other = labels.find((label) => !iob2.test(label))
  if (other !== undefined)
    throw new ConfigError({
      where: 'option labels',
      what: 'a tag that is not of IOB2, among others that are of a scheme',
      expected: 'O, B-TYPE and I-TYPE',
      found: JSON.stringify(other),
      fix: schemeFix((scheme) => iob2Labels(labels, scheme)),
    })
}
