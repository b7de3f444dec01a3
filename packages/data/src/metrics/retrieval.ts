// Scores of embeddings: cosine similarity, and retrieval accuracy at k.

import { requireKind } from '@cola/graph/door'
import { callable, type Checks, checkOptions, list, listOf, whole } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { describeValue } from '../source/row-checks.ts'
import { checkWarning, ratio, type ScoreOptions } from './counts.ts'

/** Rows of `width` numbers, one after another. */
export interface Embeddings {
  data: Float32Array
  width: number
}

/** Options of scores of retrieval: sizes of the lists that are scored. */
export interface RetrievalOptions extends Pick<ScoreOptions, 'onWarning'> {
  /** Numbers k of nearest documents. @default [1, 10] */
  k?: readonly number[]
  /** Index of the relevant document of each query. @default the query's index */
  targets?: ArrayLike<number>
}

const rowsOf = ({ data, width }: Embeddings): number => data.length / width

function checkEmbeddings(name: string, embeddings: Embeddings): void {
  requireKind(name, embeddings, 'object')
  const { data, width } = embeddings
  if (!Number.isInteger(width) || width < 1 || data.length % width !== 0)
    throw new DataError({
      where: name,
      what: 'not rows of one width',
      expected: `a multiple of ${width}`,
      found: String(data.length),
    })
  const at = data.findIndex((value) => !Number.isFinite(value))
  if (at >= 0)
    throw new DataError({
      where: `${name}, row ${Math.floor(at / width) + 1}`,
      what: 'no finite number',
      found: describeValue(data[at]),
    })
}

/** Rows scaled to norm 1; rows of zeros stay zero, and their similarities are 0. */
function normalized({ data, width }: Embeddings, warn: () => void): Float32Array {
  const result = Float32Array.from(data)
  for (let at = 0; at < result.length; at += width) {
    const row = result.subarray(at, at + width)
    const norm = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0))
    row.forEach((value, i) => {
      row[i] = ratio(value, norm, i === 0 ? warn : () => {})
    })
  }
  return result
}

const dot = (a: Float32Array, atA: number, b: Float32Array, atB: number, width: number): number => {
  let sum = 0
  for (let i = 0; i < width; i++) sum += (a[atA + i] as number) * (b[atB + i] as number)
  return sum
}

const checks: Checks<RetrievalOptions> = { k: listOf(whole(1)), targets: list, onWarning: callable }

/**
 * Cosine similarity of each pair of rows with the same index, -1 to 1; 0 for a row of zeros, with a warning.
 * @throws {DataError} for different numbers of rows or widths, or values that are not finite.
 */
export function cosineSimilarities(
  first: Embeddings,
  second: Embeddings,
  options: Pick<ScoreOptions, 'onWarning'> = {},
): Float64Array {
  checkWarning('cosineSimilarities', options)
  const { onWarning } = options
  checkPair('first', first, 'second', second)
  if (rowsOf(first) !== rowsOf(second))
    throw new DataError({
      where: 'second',
      what: 'not as many rows as first',
      expected: String(rowsOf(first)),
      found: String(rowsOf(second)),
    })
  const warn = () => onWarning?.('cosine similarity is not defined for a row of zeros: it is 0')
  const [a, b] = [normalized(first, warn), normalized(second, warn)]
  const { width } = first
  return Float64Array.from({ length: rowsOf(first) }, (_, row) => dot(a, row * width, b, row * width, width))
}

function checkPair(nameA: string, a: Embeddings, nameB: string, b: Embeddings): void {
  checkEmbeddings(nameA, a)
  checkEmbeddings(nameB, b)
  if (a.width !== b.width)
    throw new DataError({
      where: nameB,
      what: `another width than ${nameA}`,
      expected: String(a.width),
      found: String(b.width),
    })
}

/**
 * Share of queries whose relevant document is among the k most similar, for each k: accuracy@k of
 * sentence-transformers' InformationRetrievalEvaluator. Of equally similar documents, the one with the smaller index
 * ranks first.
 * @returns `accuracy_at_1`, `accuracy_at_10`, ...
 * @throws {DataError} naming row or option: different widths, values that are not finite, a target that is not a
 * document.
 */
export function retrievalMetrics(
  queries: Embeddings,
  documents: Embeddings,
  options: RetrievalOptions = {},
): Record<string, number> {
  checkOptions('retrievalMetrics', options, checks)
  const { k = [1, 10], targets, onWarning } = options
  checkPair('queries', queries, 'documents', documents)
  if (targets && targets.length !== rowsOf(queries))
    throw new DataError({
      where: 'option targets',
      what: 'not one for each query',
      expected: String(rowsOf(queries)),
      found: String(targets.length),
    })
  const warn = () => onWarning?.('cosine similarity is not defined for a row of zeros: it is 0')
  const [a, b] = [normalized(queries, warn), normalized(documents, warn)]
  const ranks = Array.from({ length: rowsOf(queries) }, (_, query) =>
    rankOf(a, b, queries.width, query, targetOf(targets, query, rowsOf(documents))),
  )
  const hits = (count: number) => ranks.filter((rank) => rank < count).length
  const warnNoQueries = () => onWarning?.('accuracy is not defined for no queries: it is 0')
  return Object.fromEntries(k.map((count) => [`accuracy_at_${count}`, ratio(hits(count), ranks.length, warnNoQueries)]))
}

function targetOf(targets: ArrayLike<number> | undefined, query: number, documents: number): number {
  const target = targets ? (targets[query] as number) : query
  if (Number.isInteger(target) && target >= 0 && target < documents) return target
  throw new DataError({
    where: `target of query ${query + 1}`,
    what: 'no such document',
    expected: `0 to ${documents - 1}`,
    found: String(target),
  })
}

/** Number of documents that rank before the target. */
function rankOf(queries: Float32Array, documents: Float32Array, width: number, query: number, target: number): number {
  const similarity = (document: number) => dot(queries, query * width, documents, document * width, width)
  const targetSimilarity = similarity(target)
  let rank = 0
  for (let document = 0; document * width < documents.length; document++) {
    const other = similarity(document)
    if (other > targetSimilarity || (other === targetSimilarity && document < target)) rank++
  }
  return rank
}
