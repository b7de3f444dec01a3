// Named entities in tags of the scheme IOB2, scored as wholes: seqeval's definitions (conlleval's, not its strict
// mode).

import { DataError } from '../errors.ts'
import { checkLengths, ratio, type ScoreOptions } from './counts.ts'

/** A stretch of tokens with one type. */
export interface Entity {
  type: string
  /** First token. */
  start: number
  /** Past the last token. */
  end: number
}

/** Scores 0 to 1. */
export interface EntityScore {
  precision: number
  recall: number
  f1: number
  /** Entities among the labels. */
  support: number
}

export interface EntityMetrics extends EntityScore {
  /** Share of tokens with the right tag. */
  accuracy: number
  /** Scores of each type, by name. */
  types: Record<string, EntityScore>
}

/** Rows of tags, one a token. */
export type TagRows = readonly (readonly string[])[]

interface Tag {
  prefix: string
  type: string
}

const outside: Tag = { prefix: 'O', type: '' }

function parseTag(tag: string): Tag {
  const dash = tag.indexOf('-')
  if (tag === 'O' || dash < 0) return { prefix: tag.slice(0, 1), type: tag === 'O' ? '' : '_' }
  return { prefix: tag.slice(0, dash), type: tag.slice(dash + 1) }
}

/** The entities of a row's tags. An I that continues nothing begins an entity, as models write it. */
export function entitiesOf(tags: readonly string[]): Entity[] {
  const entities: Entity[] = []
  let [before, start] = [outside, 0]
  for (let at = 0; at <= tags.length; at++) {
    const tag = at < tags.length ? parseTag(tags[at] as string) : outside
    const continues = tag.prefix === 'I' && before.prefix !== 'O' && before.type === tag.type
    if (!continues) {
      if (before.prefix !== 'O') entities.push({ type: before.type, start, end: at })
      start = at
    }
    before = tag
  }
  return entities
}

/**
 * Precision, recall and F1 of entities, micro-averaged and by type; seqeval's `classification_report`.
 * An entity is right when type, start and end are.
 * @throws {DataError} naming the row: rows of unlike length.
 */
export function entityMetrics(
  predictions: TagRows,
  labels: TagRows,
  { onWarning }: Pick<ScoreOptions, 'onWarning'> = {},
): EntityMetrics {
  checkLengths(predictions, labels)
  const counts = new Map<string, { hits: number; actual: number; predicted: number }>()
  const count = (type: string) => {
    const found = counts.get(type) ?? { hits: 0, actual: 0, predicted: 0 }
    counts.set(type, found)
    return found
  }
  let [right, tokens] = [0, 0]
  labels.forEach((row, i) => {
    const predicted = predictions[i] as readonly string[]
    checkRow(predicted, row, i)
    right += row.filter((tag, at) => tag === predicted[at]).length
    tokens += row.length
    const key = ({ type, start, end }: Entity) => `${start} ${end} ${type}`
    const found = new Set(entitiesOf(predicted).map(key))
    for (const { type } of entitiesOf(predicted)) count(type).predicted++
    for (const entity of entitiesOf(row)) {
      count(entity.type).actual++
      if (found.has(key(entity))) count(entity.type).hits++
    }
  })
  const score = (name: string, { hits, actual, predicted }: { hits: number; actual: number; predicted: number }) => {
    const warn = (which: string, what: string) => () =>
      onWarning?.(`${which} of ${name} is not defined: ${what}; it is 0`)
    return {
      precision: ratio(hits, predicted, warn('precision', 'none is predicted')),
      recall: ratio(hits, actual, warn('recall', 'there is none among the labels')),
      f1: ratio(2 * hits, actual + predicted, warn('f1', 'there is none')),
      support: actual,
    }
  }
  const sum = [...counts.values()].reduce(
    (total, one) => ({
      hits: total.hits + one.hits,
      actual: total.actual + one.actual,
      predicted: total.predicted + one.predicted,
    }),
    { hits: 0, actual: 0, predicted: 0 },
  )
  const types = [...counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([type, one]) => [type, score(type, one)] as const)
  return {
    ...score('entities', sum),
    accuracy: ratio(right, tokens, () => onWarning?.('accuracy is not defined for no tokens: it is 0')),
    types: Object.fromEntries(types),
  }
}

function checkRow(predicted: readonly string[], row: readonly string[], i: number): void {
  if (predicted.length !== row.length)
    throw new DataError({
      where: `predictions, row ${i + 1}`,
      what: 'not a tag for each token',
      expected: String(row.length),
      found: String(predicted.length),
    })
}

/**
 * Checks that tags are IOB2: O, B-TYPE, and I-TYPE only after B-TYPE or I-TYPE of the same type.
 * @throws {DataError} naming row and token.
 */
export function checkIob2(rows: TagRows, where = 'tags'): void {
  rows.forEach((tags, i) => {
    tags.forEach((tag, at) => {
      const refuse = (what: string, expected: string, fix: string): never => {
        throw new DataError({
          where: `${where}, row ${i + 1}, token ${at + 1}`,
          what,
          expected,
          found: JSON.stringify(tag) ?? String(tag),
          fix,
        })
      }
      if (typeof tag !== 'string' || !/^(O|[BI]-.+)$/.test(tag))
        refuse('no tag of IOB2', 'O, B-TYPE or I-TYPE', 'Write the tags of other schemes (IOBES, plain types) as IOB2.')
      const type = tag.slice(2)
      const before = tags[at - 1]
      if (tag.startsWith('I-') && before !== `B-${type}` && before !== `I-${type}`)
        refuse('an I that continues nothing', `B-${type} or I-${type} before it`, `Begin an entity with B-${type}.`)
    })
  })
}
