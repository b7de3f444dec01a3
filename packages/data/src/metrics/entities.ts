// Reads named entities from IOB2 tags, and scores them with seqeval's definitions (conlleval's, not its strict mode).

import { requireKind } from '@cola/graph/door'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'
import { checkLengths, checkWarning, ratio, type ScoreOptions } from './counts.ts'

/** A range of tokens with a type. */
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
  /** Number of entities in the labels. */
  support: number
}

export interface EntityMetrics extends EntityScore {
  /** Share of tokens with the correct tag. */
  accuracy: number
  /** Scores of each type, by name. */
  types: Record<string, EntityScore>
}

/** Rows of tags, one per token. */
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

/** Prefixes of IOBES and BILOU that continue an entity, as I does. */
const ends: ReadonlySet<string> = new Set(['E', 'L'])
/** Prefixes after which nothing of the entity comes. */
const closed: ReadonlySet<string> = new Set(['O', ...ends, 'S', 'U'])

/**
 * The entities of a row's tags: IOB2, or IOBES and BILOU. A tag that continues no entity starts one, because predictions
 * have such tags.
 */
export function entitiesOf(tags: readonly string[]): Entity[] {
  requireKind('entitiesOf, tags', tags, 'list')
  const entities: Entity[] = []
  let [previous, start] = [outside, 0]
  for (let at = 0; at <= tags.length; at++) {
    const tag = at < tags.length ? parseTag(tags[at] as string) : outside
    const isInside = tag.prefix === 'I' || ends.has(tag.prefix)
    const continues = isInside && !closed.has(previous.prefix) && previous.type === tag.type
    if (!continues) {
      if (previous.prefix !== 'O') entities.push({ type: previous.type, start, end: at })
      start = at
    }
    previous = tag
  }
  return entities
}

/**
 * Precision, recall and F1 of entities, micro-averaged and by type; seqeval's `classification_report`.
 * An entity is correct if its type, start and end are.
 * @throws {DataError} naming the row: rows of different length.
 */
export function entityMetrics(
  predictions: TagRows,
  labels: TagRows,
  options: Pick<ScoreOptions, 'onWarning'> = {},
): EntityMetrics {
  checkWarning('entityMetrics', options)
  const { onWarning } = options
  checkLengths(predictions, labels)
  const counts = new Map<string, { hits: number; actual: number; predicted: number }>()
  const countsOf = (type: string) => {
    const entry = counts.get(type) ?? { hits: 0, actual: 0, predicted: 0 }
    counts.set(type, entry)
    return entry
  }
  let [right, tokens] = [0, 0]
  labels.forEach((row, i) => {
    const predicted = predictions[i] as readonly string[]
    checkRow(predicted, row, i)
    right += row.filter((tag, at) => tag === predicted[at]).length
    tokens += row.length
    const key = ({ type, start, end }: Entity) => `${start} ${end} ${type}`
    const predictedEntities = entitiesOf(predicted)
    const predictedKeys = new Set(predictedEntities.map(key))
    for (const { type } of predictedEntities) countsOf(type).predicted++
    for (const entity of entitiesOf(row)) {
      countsOf(entity.type).actual++
      if (predictedKeys.has(key(entity))) countsOf(entity.type).hits++
    }
  })
  const score = (name: string, { hits, actual, predicted }: { hits: number; actual: number; predicted: number }) => {
    const warn = (scoreName: string, reason: string) => () =>
      onWarning?.(`${scoreName} of ${name} is not defined: ${reason}; it is 0`)
    return {
      precision: ratio(hits, predicted, warn('precision', 'none is predicted')),
      recall: ratio(hits, actual, warn('recall', 'there is none among the labels')),
      f1: ratio(2 * hits, actual + predicted, warn('f1', 'there is none')),
      support: actual,
    }
  }
  const sum = [...counts.values()].reduce(
    (total, { hits, actual, predicted }) => ({
      hits: total.hits + hits,
      actual: total.actual + actual,
      predicted: total.predicted + predicted,
    }),
    { hits: 0, actual: 0, predicted: 0 },
  )
  const sorted = [...counts].sort(([a], [b]) => (a < b ? -1 : 1))
  const types = sorted.map(([type, entry]) => [type, score(type, entry)] as const)
  return {
    ...score('entities', sum),
    accuracy: ratio(right, tokens, () => onWarning?.('accuracy is not defined for no tokens: it is 0')),
    types: Object.fromEntries(types),
  }
}

/** @throws {DataError} for a row of predictions that is not as long as the row of labels. */
export function checkRow(predicted: readonly string[], row: readonly string[], i: number): void {
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
  requireKind('checkIob2, rows', rows, 'list')
  rows.forEach((tags, i) => {
    tags.forEach((tag, at) => {
      const refuse = (what: string, expected: string, fix: string): never => {
        throw new DataError({
          where: `${where}, row ${i + 1}, token ${at + 1}`,
          what,
          expected,
          found: describeValue(tag),
          fix,
        })
      }
      if (typeof tag !== 'string' || !/^(O|[BI]-.+)$/.test(tag))
        refuse(
          'no tag of IOB2',
          'O, B-TYPE or I-TYPE',
          'toIob2 of @cola/data writes the tags of other schemes as IOB2.',
        )
      const type = tag.slice(2)
      const previous = tags[at - 1]
      if (tag.startsWith('I-') && previous !== `B-${type}` && previous !== `I-${type}`)
        refuse('an I that continues nothing', `B-${type} or I-${type} before it`, `Begin an entity with B-${type}.`)
    })
  })
}
