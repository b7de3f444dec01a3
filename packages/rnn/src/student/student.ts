// A student ready to train: the graph on the tokens that occur, how to make its batches, and how to get the whole model
// back.

import { checkOptions, type Checks, integer, list, map, object, requireOptions, show, whole } from '@cola/graph/options'
import { packSteps, type StepBatch } from '@cola/data'
import type { Model, Tensor } from '@cola/graph'
import { ConfigError, FeedError, WeightsError } from '@cola/train'
import type { DistilRnnConfig } from './config.ts'
import { compact, type EmbeddingTable, expand, randomEmbedding, unseen, vocabularyOf } from './embedding.ts'
import { distilRnn, hiddenStatesName } from './graph.ts'
import { embeddingWeight, randomDistilRnn } from './parameters.ts'

/** Options of a new student. */
export interface StudentOptions {
  config: DistilRnnConfig
  /**
   * All sentences that will be fed, as token ids: training, evaluation and transfer sentences. Only their tokens get
   * rows.
   */
  sentences: readonly (readonly number[])[]
  /** First values of the embedding. @default N(0, 1), as torch.nn.Embedding */
  embedding?: EmbeddingTable
  /** Values of the other parameters. @default PyTorch's random ones */
  parameters?: ReadonlyMap<string, Tensor>
  /** Seed of what is random. @default 0 */
  seed?: number
  /** Longest sentence. @default that of `sentences` */
  max_length?: number
}

const checks: Checks<StudentOptions> = {
  config: object,
  sentences: list,
  embedding: object,
  parameters: map,
  seed: integer,
  max_length: whole(1, 2 ** 20),
}

/** A recurrent text classifier: configuration, parameters and graph. */
export interface Student {
  readonly config: DistilRnnConfig
  /**
   * Training model; its `embedding.weight` has only the rows of tokens that occur, and `unseenRows` the others. Of a
   * frozen table it is not trainable.
   */
  readonly model: Model
  /** Names of the values with the hidden states of each layer, [token, width], in the order of `token_index`. */
  readonly hiddenStates: readonly string[]
  /**
   * A batch of sentences given as the tokenizer's ids. @throws {FeedError} for a token that did not occur in
   * `sentences`.
   */
  readonly collate: (sentences: readonly (readonly number[])[]) => StepBatch
  /** Whole parameters under PyTorch's names, the embedding at full size, from trained ones. */
  readonly parameters: (trained: ReadonlyMap<string, Tensor>) => ReadonlyMap<string, Tensor>
}

/**
 * Makes a student.
 * @throws {ConfigError} when the embedding does not fit the configuration, and for an option that is unknown, missing
 * or out of its range; {WeightsError} for a token without a row.
 */
export function createStudent(options: StudentOptions): Student {
  checkOptions('createStudent', options, checks)
  requireOptions('createStudent', options, checks, ['config', 'sentences'])
  const { config, sentences, seed = 0, embedding, parameters, max_length } = options
  const table = embedding ?? randomEmbedding(config.vocab_size, config.embedding_size, { seed })
  for (const [field, size] of [
    ['embedding_size', table.width],
    ['vocab_size', table.rows],
  ] as const) {
    if (config[field] !== size)
      throw new ConfigError({
        where: `DistilRnnConfig, field "${field}"`,
        what: 'does not fit the embedding table',
        expected: String(size),
        found: String(config[field]),
      })
  }
  requireRows(sentences, table)
  const vocabulary = vocabularyOf(sentences)
  const steps = max_length ?? sentences.reduce((longest, { length }) => Math.max(longest, length), 1)
  const rows = compact(table, vocabulary)
  const whole = distilRnn(config, rows, parameters ?? randomDistilRnn(config, { seed }), { max_length: steps })
  const model = table.freeze
    ? { ...whole, trainable: new Set([...whole.trainable].filter((name) => name !== embeddingWeight)) }
    : { ...whole, unseenRows: new Map([[embeddingWeight, unseen(table, vocabulary)]]) }
  const place = (id: number, row: number): number => {
    const found = vocabulary.place(id)
    if (found === undefined)
      throw new FeedError({
        where: `input "input_ids", row ${row + 1} of the batch`,
        what: 'a token without a row in the compact embedding',
        found: show(id),
        fix: 'Give createStudent all sentences that will be fed.',
      })
    return found
  }
  return {
    config,
    model,
    hiddenStates: Array.from({ length: config.num_layers }, (_, layer) => hiddenStatesName(layer)),
    collate: (batch) =>
      packSteps(
        batch.map((sentence, row) => sentence.map((id) => place(id, row))),
        { max_length: steps },
      ),
    parameters: (trained) =>
      new Map(
        [...(table.freeze ? [[embeddingWeight, rows] as const] : []), ...trained].map(([name, value]) => [
          name,
          name === embeddingWeight ? expand(table, vocabulary, value) : value,
        ]),
      ),
  }
}

/** @throws {WeightsError} naming the sentence with an id that the table does not have. */
function requireRows(sentences: readonly (readonly number[])[], { rows }: EmbeddingTable): void {
  const has = (id: number) => Number.isInteger(id) && id >= 0 && id < rows
  const row = sentences.findIndex((sentence) => !sentence.every(has))
  if (row < 0) return
  throw new WeightsError({
    where: `sentence ${row + 1}`,
    what: 'a token id without a row in the embedding table',
    expected: `0 to ${rows - 1}`,
    found: show(sentences[row]?.find((id) => !has(id))),
    fix: "Use the table's own tokenizer; vocab_size is its vocabSize.",
  })
}
