// FEATURE_EXTRACTION: one vector a text, near to those of texts that mean the same.

import { cosineSimilarities, DataError, type Embeddings, encodeTexts, pearson, retrievalMetrics, spearman, type TokenSequence } from '@cola/data'
import { getValue, type Loss } from '@cola/graph'
import { type Batch, cosineSquaredError, type Metrics, multipleNegativesRanking, oneOf, positive } from '@cola/train'
import type { Pooling } from '../inject/head.ts'
import { sentenceOutput, withSentenceEmbedding } from '../onnx/sentence-embedding.ts'
import { architecture } from './architecture.ts'
import { poolingOf, sentenceTransformersFiles } from './pooling.ts'
import { describe, requireText, rowPlace } from './rows.ts'
import type { EncodeContext, ScoreContext, Task } from './task.ts'

/** A text, and another that is right for it: its paraphrase, answer, document. */
export interface PairRow {
  anchor: string
  positive: string
}

/** A pair, and a text that is like it and wrong: a hard negative. Several negatives of an anchor are several rows. */
export interface TripleRow extends PairRow {
  negative: string
}

/** Two texts, and how alike they are: the cosine that their embeddings are to have, -1 to 1. */
export interface SimilarityRow {
  sentence1: string
  sentence2: string
  score: number
}

/** Columns are called as in sentence-transformers' data sets; all rows of a table have those of one form. */
export type SentenceEmbeddingRow = PairRow | TripleRow | SimilarityRow

export type RowForm = 'pairs' | 'triples' | 'similarities'

export interface SentenceEmbeddingOptions {
  /**
   * Where a text is read. @default what 1_Pooling/config.json of the base's folder says; without it, 'last' for models
   * that read from left to right, 'mean' for others
   */
  pooling?: Pooling
  /** Factor of the cosines in the loss of pairs and triples: the inverse of its temperature. @default 20 */
  scale?: number
}

export interface SentenceEmbeddingSettings {
  form: RowForm
  pooling: Pooling
  scale: number
}

export interface SentenceEmbeddingExample {
  /** Tokens of all sentences, one after another: batches are made of examples of like length. */
  input_ids: readonly number[]
  /** The texts of a row in the order of its form's columns, or one text to be embedded. */
  sentences: readonly TokenSequence[]
  /** Of a row with a similarity. */
  score?: number
}

export interface SentenceEmbedder {
  /** Elements of an embedding. */
  readonly width: number
  /**
   * Embeds texts, in batches: vectors of length 1, whose dot product is their cosine similarity.
   * @throws {DataError} for a text that is empty or no string.
   */
  readonly embed: (texts: readonly string[]) => Promise<Float32Array[]>
  /**
   * Cosine similarity of each text with each other one: [i][j] of texts[i] and others[j], -1 to 1.
   * @throws {DataError} for a text that is empty or no string.
   */
  readonly similarity: (texts: readonly string[], others: readonly string[]) => Promise<number[][]>
}

export interface SentenceEmbeddingTypes {
  row: SentenceEmbeddingRow
  options: SentenceEmbeddingOptions
  settings: SentenceEmbeddingSettings
  example: SentenceEmbeddingExample
  /** The embeddings of the example's sentences. */
  prediction: readonly (readonly number[])[]
  serving: SentenceEmbedder
}

type Types = SentenceEmbeddingTypes
type Example = Types['example']
type Prediction = Types['prediction']

/** What differs between the forms of rows. */
interface FormRow {
  /** Columns with texts, in order. */
  texts: readonly string[]
  /** Whether a row has a similarity too. */
  scored: boolean
  loss: (settings: Types['settings']) => Loss
  /** What the loss reads beside the embeddings. */
  targets: (examples: readonly Example[]) => Batch
  scores: (predictions: readonly Prediction[], examples: readonly Example[], context: Pick<ScoreContext, 'onWarning'>) => Metrics
  metric: string
}

const ranked: Omit<FormRow, 'texts'> = {
  scored: false,
  loss: ({ scale }) => multipleNegativesRanking({ scale }),
  targets: rankingTargets,
  scores: retrievalScores,
  metric: 'accuracy_at_1',
}

const forms: { readonly [Form in RowForm]: FormRow } = {
  pairs: { texts: ['anchor', 'positive'], ...ranked },
  triples: { texts: ['anchor', 'positive', 'negative'], ...ranked },
  similarities: {
    texts: ['sentence1', 'sentence2'],
    scored: true,
    loss: () => cosineSquaredError(),
    targets: similarityTargets,
    scores: similarityScores,
    metric: 'spearman',
  },
}

const columnsOf = ({ texts, scored }: FormRow): string[] => [...texts, ...(scored ? ['score'] : [])]

/** All columns of all forms; others of a table are left alone. */
const columns = new Set(Object.values(forms).flatMap(columnsOf))

const presentIn = (row: object): string[] => Object.entries(row).flatMap(([name, value]) => (value === undefined ? [] : [name]))

/** The form whose columns a row has. @throws {DataError} naming the row, where they are those of none. */
function formOf(row: object, where: string): RowForm {
  const present = presentIn(row)
  const known = present.filter((name) => columns.has(name))
  const found = Object.entries(forms).find(([, form]) => columnsOf(form).length === known.length && columnsOf(form).every((name) => known.includes(name)))
  if (found) return found[0] as RowForm
  throw new DataError({
    where,
    what: 'columns of no form of rows',
    expected: Object.values(forms)
      .map((form) => columnsOf(form).join(', '))
      .join('; or '),
    found: present.join(', ') || 'no columns',
  })
}

/** @throws {DataError} naming the row, for one of another form than the table's. */
function requireForm(row: object, form: RowForm, where: string): void {
  if (formOf(row, where) === form) return
  throw new DataError({
    where,
    what: 'a row of another form than the training rows',
    expected: columnsOf(forms[form]).join(', '),
    found: presentIn(row).join(', '),
    fix: 'Train on a table of one form.',
  })
}

/** @throws {DataError} naming the row, for a similarity that no cosine can be. */
function requireScore(row: object, where: string): number {
  const { score } = row as { score?: unknown }
  if (typeof score === 'number' && score >= -1 && score <= 1) return score
  throw new DataError({
    where: `${where}, field "score"`,
    what: 'not a similarity',
    expected: 'a number from -1 to 1',
    found: describe(score),
    ...(typeof score === 'number' ? { fix: 'Scale it: grades from 0 to 5 are divided by 5.' } : {}),
  })
}

/**
 * In-batch negatives need others in the batch.
 * @throws {DataError} for one row, or batches of one: their loss is 0 whatever the model is.
 */
function requireOthers(rows: number, batchSize: number): void {
  if (rows > 1 && batchSize > 1) return
  throw new DataError({
    where: rows > 1 ? 'fineTune, option batch_size' : 'train',
    what: 'no negatives: those of a pair are the positives of the other pairs of its batch',
    expected: 'at least 2',
    found: String(Math.min(rows, batchSize)),
    fix: 'Larger batches have more negatives. Rows with a negative, or with a score, need no others.',
  })
}

/** Texts as token ids; an error of the tokenizer's names the row of the table. */
function encodeRow(texts: readonly string[], { base, maxLength }: EncodeContext, place: string): ReturnType<typeof encodeTexts> {
  try {
    return encodeTexts(base.tokenizer, texts, { max_length: maxLength, vocab_size: base.vocabularySize })
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    throw new DataError({ ...error.problem, where: error.problem.where.replace(/^row \d+/, place) })
  }
}

const example = (sentences: readonly TokenSequence[], rest: Pick<Example, 'score'> = {}): Example => ({
  input_ids: sentences.flatMap(({ input_ids }) => input_ids),
  sentences,
  ...rest,
})

export const sentenceEmbedding: Task<Types> = {
  taskType: 'FEATURE_EXTRACTION',
  options: {
    pooling: oneOf(['last', 'first', 'mean'] satisfies Pooling[]),
    scale: positive,
  },
  settings(rows, options, base, batchSize) {
    const form = formOf(rows[0] as Types['row'], rowPlace('train', 0))
    if (form === 'pairs') requireOthers(rows.length, batchSize)
    return { form, pooling: options.pooling ?? poolingOf(base), scale: options.scale ?? 20 }
  },
  head: (base, { pooling }) => withSentenceEmbedding(base.hiddenStates(), pooling),
  config: (_, base) => architecture(base.config, 'Model'),
  exported({ pooling }, base) {
    const model = withSentenceEmbedding(base.hiddenStates(), pooling, { tokens: true })
    return { model, files: sentenceTransformersFiles(pooling, { width: widthOf(base, pooling), maxLength: base.maxLength }) }
  },
  encode(rows, { form }, context) {
    const { texts, scored } = forms[form]
    let truncated = 0
    const examples = rows.map((row, i) => {
      const place = rowPlace(context.where, i)
      requireForm(row, form, place)
      const encoded = encodeRow(
        texts.map((name) => requireText(row, name, place)),
        context,
        place,
      )
      if (encoded.truncated > 0) truncated++
      return example(encoded.rows, scored ? { score: requireScore(row, place) } : {})
    })
    return { examples, truncated }
  },
  collate(base, { graph }, { form }) {
    const batches = base.batches(graph)
    return (examples) => ({ ...batches(examples.flatMap(({ sentences }) => sentences)).batch, ...forms[form].targets(examples) })
  },
  loss: (settings) => forms[settings.form].loss(settings),
  predict(outputs, examples) {
    const { data, dims } = outputs[sentenceOutput] as { data: Float32Array; dims: readonly number[] }
    const width = dims[1] as number
    return placesOf(examples).map((places) => places.map((place) => Array.from(data.subarray(place * width, (place + 1) * width))))
  },
  scores: (predictions, examples, { form }, context) => forms[form].scores(predictions, examples, context),
  metricForBestModel: ({ form }) => forms[form].metric,
  scoresTraining: false,
  serve(predict, { pooling }, context) {
    const embed = async (texts: readonly string[]): Promise<number[][]> => {
      const examples = texts.map((text, i) => {
        const place = rowPlace('texts', i)
        return example(encodeRow([requireText({ text }, 'text', place)], context, place).rows)
      })
      const predictions = examples.length > 0 ? await predict(examples) : []
      return predictions.map(([embedding]) => embedding as number[])
    }
    return {
      width: widthOf(context.base, pooling),
      embed: async (texts) => (await embed(texts)).map((embedding) => Float32Array.from(embedding)),
      async similarity(texts, others) {
        const [rows, columns] = [await embed(texts), await embed(others)]
        return rows.map((row) => columns.map((column) => dot(row, column)))
      },
    }
  },
}

const widthOf = (base: Parameters<Task<Types>['head']>[0], pooling: Pooling): number =>
  getValue(withSentenceEmbedding(base.hiddenStates(), pooling).graph, sentenceOutput).shape.at(-1) as number

/** Where the sentences of each example are among all of a batch. */
function placesOf(examples: readonly Example[]): number[][] {
  let next = 0
  return examples.map(({ sentences }) => sentences.map(() => next++))
}

const int32 = (values: readonly number[], dims: readonly number[] = [values.length]): Batch[string] => ({ data: Int32Array.from(values), dims })

/** A sentence by what the model sees of it: texts that a tokenizer makes alike are the same. */
const keyOf = (sentence: TokenSequence | undefined): string => sentence?.input_ids.join(' ') ?? ''

/** The positives of each anchor, by their keys. */
function positivesOf(examples: readonly Example[]): Map<string, Set<string>> {
  const positives = new Map<string, Set<string>>()
  for (const { sentences } of examples) {
    const [anchor, own] = [keyOf(sentences[0]), keyOf(sentences[1])]
    positives.set(anchor, (positives.get(anchor) ?? new Set()).add(own))
  }
  return positives
}

/**
 * Anchors against all positives and negatives of the batch. Left out are candidates that are no negatives: texts that
 * another row calls right for the same anchor, and the anchor itself. sentence-transformers keeps such rows apart, with
 * BatchSamplers.NO_DUPLICATES. A text to be embedded is its own positive, because the graph has its loss with it.
 */
function rankingTargets(examples: readonly Example[]): Batch {
  const places = placesOf(examples)
  const anchors = places.map(([anchor]) => anchor as number)
  const positives = places.map(([anchor, own = anchor]) => own as number)
  const candidates = [...positives, ...places.flatMap((own) => own.slice(2))]
  const keys = examples.flatMap(({ sentences }) => sentences.map(keyOf))
  const right = positivesOf(examples)
  const isRight = (anchor: string, candidate: string) => anchor === candidate || right.get(anchor)?.has(candidate) === true
  const relevance = anchors.flatMap((anchor, i) =>
    candidates.map((candidate, j) => (i === j ? 1 : isRight(keys[anchor] as string, keys[candidate] as string) ? -1 : 0)),
  )
  return { anchors: int32(anchors), candidates: int32(candidates), relevance: int32(relevance, [anchors.length, candidates.length]) }
}

function similarityTargets(examples: readonly Example[]): Batch {
  const places = placesOf(examples)
  return {
    first: int32(places.map(([first]) => first as number)),
    second: int32(places.map(([first, second = first]) => second as number)),
    similarities: { data: Float32Array.from(examples, ({ score = 1 }) => score), dims: [examples.length] },
  }
}

const dot = (a: readonly number[], b: readonly number[]): number => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)

function embeddings(rows: readonly (readonly number[] | undefined)[]): Embeddings {
  return { data: Float32Array.from(rows.flatMap((row) => row ?? [])), width: rows[0]?.length ?? 1 }
}

/**
 * Share of anchors with a right text among the nearest of all distinct positives and negatives of the rows.
 * @returns `accuracy_at_1` and `accuracy_at_10`.
 */
function retrievalScores(predictions: readonly Prediction[], examples: readonly Example[], context: Pick<ScoreContext, 'onWarning'>): Metrics {
  const corpus = new Map<string, readonly number[]>()
  const positions = [1, 2]
  for (const position of positions)
    examples.forEach(({ sentences }, i) => {
      const [key, embedding] = [keyOf(sentences[position]), predictions[i]?.[position]]
      if (embedding && !corpus.has(key)) corpus.set(key, embedding)
    })
  const places = new Map([...corpus.keys()].map((key, place) => [key, place]))
  const right = positivesOf(examples)
  const anchors = predictions.map(([anchor]) => anchor as readonly number[])
  // Of several right texts the nearest counts.
  const targets = examples.map(({ sentences }, i) => {
    const similarity = (key: string) => dot(anchors[i] as readonly number[], corpus.get(key) as readonly number[])
    const keys = [...(right.get(keyOf(sentences[0])) as Set<string>)]
    return places.get(keys.reduce((best, key) => (similarity(key) > similarity(best) ? key : best))) as number
  })
  return retrievalMetrics(embeddings(anchors), embeddings([...corpus.values()]), { targets, ...context })
}

/** Correlation of the cosine similarities with the scores. */
function similarityScores(predictions: readonly Prediction[], examples: readonly Example[], context: Pick<ScoreContext, 'onWarning'>): Metrics {
  const column = (position: number) => embeddings(predictions.map((one) => one[position]))
  const cosines = cosineSimilarities(column(0), column(1), context)
  const scores = examples.map(({ score }) => score as number)
  return { spearman: spearman(cosines, scores, context), pearson: pearson(cosines, scores, context) }
}
