// FEATURE_EXTRACTION: one vector a text, near to those of texts that mean the same.

import {
  DataError,
  encodeTexts,
  requireList,
  requireString,
  requireText,
  rowPlace,
  strictMethods,
  type TokenSequence,
} from '@cola/data'
import { getValue, type Loss } from '@cola/graph'
import { type Batch, cosineSquaredError, multipleNegativesRanking } from '@cola/train'
import { oneOf, positive } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import { type Pooling, poolings } from '../inject/head.ts'
import type { BaseModel } from '../load/base-model.ts'
import { sentenceOutput, withSentenceEmbedding } from './embedding-output.ts'
import { architecture } from '../load/architecture.ts'
import { dot, retrievalScores, type SentencePrediction, similarityScores } from './embedding-scores.ts'
import { placesOf, rankingTargets, type SentenceEmbeddingExample, similarityTargets } from './embedding-targets.ts'
import { poolingOf, sentenceTransformersFiles } from './pooling.ts'
import {
  formOf,
  type PairRow,
  requireForm,
  requireScore,
  type RowForm,
  rowForms,
  type SimilarityRow,
  textColumnsOf,
  type TripleRow,
  type TupleRow,
} from './sentence-rows.ts'
import type { EncodeContext, ServeContext, Task } from './task.ts'

/** All rows of a table are of one form. */
export type SentenceEmbeddingRow = PairRow | TripleRow | TupleRow | SimilarityRow

/** Options of sentence embeddings. */
export interface SentenceEmbeddingOptions {
  /**
   * Where a text is read. @default what 1_Pooling/config.json of the base's folder says; without it, 'last' for models
   * that read from left to right, 'mean' for others
   */
  pooling?: Pooling
  /** Factor of the cosines in the loss of pairs and triples: the inverse of its temperature. @default 20 */
  scale?: number
}

/** What the task found from rows and options, saved with the adapter. */
export interface SentenceEmbeddingSettings {
  form: RowForm
  pooling: Pooling
  scale: number
}

/** Methods of a fine-tuned sentence encoder. */
export interface SentenceEmbedder {
  /** Elements of an embedding. */
  readonly width: number
  /**
   * Embeds texts, in batches: vectors of length 1, whose dot product is their cosine similarity.
   * @throws {DataError} for what is no string.
   */
  readonly embed: (texts: readonly string[]) => Promise<Float32Array[]>
  /**
   * Cosine similarity of each text with each other one: [i][j] of texts[i] and others[j], -1 to 1.
   * @throws {DataError} for what is no string.
   */
  readonly similarity: (texts: readonly string[], others: readonly string[]) => Promise<number[][]>
}

export interface SentenceEmbeddingTypes {
  row: SentenceEmbeddingRow
  table: never
  options: SentenceEmbeddingOptions
  settings: SentenceEmbeddingSettings
  example: SentenceEmbeddingExample
  prediction: SentencePrediction
  serving: SentenceEmbedder
}

type Types = SentenceEmbeddingTypes

/** What differs between the forms of rows. */
interface FormRow {
  loss: (settings: SentenceEmbeddingSettings) => Loss
  /** What the loss reads beside the embeddings. */
  targets: (examples: readonly SentenceEmbeddingExample[]) => Batch
  scores: typeof retrievalScores
  metric: string
}

const ranking: FormRow = {
  loss: ({ scale }) => multipleNegativesRanking({ scale }),
  targets: rankingTargets,
  scores: retrievalScores,
  metric: 'accuracy_at_1',
}

const forms: { readonly [Form in RowForm]: FormRow } = {
  pairs: ranking,
  triples: ranking,
  similarities: {
    loss: () => cosineSquaredError(),
    targets: similarityTargets,
    scores: similarityScores,
    metric: 'spearman',
  },
}

/** Of the options, and of the settings that have their names. */
const checks = { pooling: oneOf(poolings), scale: positive }

export const sentenceEmbedding: Task<Types> = {
  taskType: 'FEATURE_EXTRACTION',
  options: checks,
  saved: { form: oneOf(rowForms), ...checks },
  async settings(rows, options, base, batch_size) {
    const form = formOf(rows[0] as Types['row'], rowPlace('train', 0, rows[0]))
    if (form === 'similarities' && options.scale !== undefined)
      throw (await import('./no-effect.ts')).noEffect('scale', 'rows with a score')
    if (form === 'pairs') requireOthers(rows.length, batch_size)
    return { form, pooling: options.pooling ?? poolingOf(base), scale: options.scale ?? 20 }
  },
  head: (base, { pooling }) => withSentenceEmbedding(base.hiddenStates(), pooling),
  config: (_, base) => architecture(base.config, 'Model'),
  exported({ pooling }, base) {
    const model = withSentenceEmbedding(base.hiddenStates(), pooling, { tokens: true })
    const { max_length } = base
    return { model, files: sentenceTransformersFiles(pooling, { width: widthOf(base), max_length }) }
  },
  encode(rows, { form }, context) {
    let truncated = 0
    const examples = rows.map((row, i) => {
      const place = rowPlace(context.where, i, row)
      requireForm(row, form, place)
      const texts = textColumnsOf(row, form).map((name) => requireText(row, name, place))
      const encoded = encodeRow(texts, context, place)
      if (encoded.truncated > 0) truncated++
      return { ...exampleOf(encoded.rows), ...(form === 'similarities' ? { score: requireScore(row, place) } : {}) }
    })
    return { examples, truncated }
  },
  collate(base, { graph }, { form }) {
    const batches = base.batches(graph)
    return (examples) => ({
      ...batches(examples.flatMap(({ sentences }) => sentences)).batch,
      ...forms[form].targets(examples),
    })
  },
  loss: (settings) => forms[settings.form].loss(settings),
  predict(outputs, examples) {
    const { data, dims } = outputs[sentenceOutput] as { data: Float32Array; dims: readonly number[] }
    const width = dims[1] as number
    const row = (place: number) => Array.from(data.subarray(place * width, (place + 1) * width))
    return placesOf(examples).map((places) => places.map(row))
  },
  scores: (predictions, examples, { form }, context) => forms[form].scores(predictions, examples, context),
  metricForBestModel: ({ form }) => forms[form].metric,
  scoresTraining: false,
  serve(predict, _, context) {
    const embed = async (texts: readonly string[]): Promise<(readonly number[])[]> => {
      requireList(texts, 'texts')
      const encoded = texts.map((text, i) => {
        const place = rowPlace('texts', i)
        return encodeRow([requireString({ text }, 'text', place)], context, place)
      })
      const predictions = await predict({
        examples: encoded.map(({ rows }) => exampleOf(rows)),
        truncated: encoded.filter(({ truncated }) => truncated).length,
      })
      return predictions.map(([embedding]) => embedding as readonly number[])
    }
    return {
      width: widthOf(context.base),
      ...strictMethods({
        embed: async (texts: readonly string[]) =>
          (await embed(texts)).map((embedding) => Float32Array.from(embedding)),
        async similarity(texts: readonly string[], others: readonly string[]) {
          const [rows, columns] = [await embed(texts), await embed(others)]
          return rows.map((row) => columns.map((column) => dot(row, column)))
        },
      }),
    }
  },
}

/**
 * In-batch negatives need others in the batch.
 * @throws {DataError | ConfigError} for one row, or batches of one: their loss is 0 whatever the model is.
 */
function requireOthers(rows: number, batch_size: number): void {
  const problem = {
    what: 'no negatives: those of a pair are the positives of the other pairs of its batch',
    expected: 'at least 2',
    found: '1',
    fix: 'Rows with a negative, or with a score, need no others.',
  }
  if (rows < 2) throw new DataError({ where: 'train', ...problem })
  if (batch_size < 2) throw new ConfigError({ where: 'fineTune, option batch_size', ...problem })
}

/** The texts of a row as token ids; an error of the tokenizer's names the row of the table. */
function encodeRow(
  texts: readonly string[],
  { base, max_length, pad_token_id }: EncodeContext & Partial<ServeContext>,
  place: string,
) {
  try {
    return encodeTexts(base.tokenizer, texts, { max_length, vocab_size: base.vocab_size, pad_token_id })
  } catch (error) {
    if (!(error instanceof DataError)) throw error
    throw new DataError({ ...error.problem, where: error.problem.where.replace(/^row \d+/, place) })
  }
}

const exampleOf = (sentences: readonly TokenSequence[]): SentenceEmbeddingExample => ({
  input_ids: sentences.flatMap(({ input_ids }) => input_ids),
  sentences,
})

function widthOf(base: BaseModel): number {
  const { graph } = base.hiddenStates()
  return getValue(graph, graph.outputs[0] as string).shape.at(-1) as number
}
