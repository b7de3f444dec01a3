// What learns: a recurrent classifier of @cola/rnn made of its configuration, or a model of one's own.

import type { Label, Tokenizer } from '@cola/data'
import { getValue, type Graph, type Model, type Tensor } from '@cola/graph'
import {
  createStudent,
  type DistilRnnConfig,
  distilRnnInference,
  type EmbeddingTable,
  parseDistilRnnConfig,
  parseStudentConfig,
  type StudentConfig,
} from '@cola/rnn'
import { type Batch, ConfigError, paddedBatches } from '@cola/train'

/** Makes batches of sentences of token ids. */
export type Collate = (sentences: readonly (readonly number[])[]) => Batch

/** A student of one's own: any model with `logits`, and how its sentences become batches. `createStudent` gives one. */
export interface StudentModel {
  readonly model: Model
  /** The model's inputs for sentences of token ids. */
  readonly collate: Collate
  /**
   * Names of the model's values with hidden states of every token [token, width], one a layer, for the option
   * `hidden_states` of `distill`; the batch's `token_index` [batch, column] says where each token is.
   * @default it shows none
   */
  readonly hiddenStates?: readonly string[]
  /** Configuration of a student of @cola/rnn. @default it is another model */
  readonly config?: DistilRnnConfig
  /** Parameters as they are saved, from trained ones. @default as they are */
  readonly parameters?: (trained: ReadonlyMap<string, Tensor>) => ReadonlyMap<string, Tensor>
  /**
   * The trained model for other programs, which takes int64 `input_ids` and `attention_mask` [batch, sequence].
   * @default that of @cola/rnn's students; of others, the model itself
   */
  readonly inference?: (parameters: ReadonlyMap<string, Tensor>) => Graph
}

export interface StudentContext {
  labels: readonly Label[]
  tokenizer: Tokenizer
  /** All sentences of the run, as token ids. */
  sentences: readonly (readonly number[])[]
  embedding?: EmbeddingTable | undefined
  seed: number
}

/** Rows of a student's embedding table, which no token may pass; undefined where it is not known. */
export const embeddingRows = (student: StudentConfig | StudentModel, embedding: EmbeddingTable | undefined) =>
  isModel(student) ? student.config?.vocab_size : embedding?.rows

/** Whether a student is a model, not a configuration. */
export const isModel = (student: StudentConfig | StudentModel): student is StudentModel => 'model' in student

/**
 * The student, ready to be trained.
 * @throws {ConfigError} for a configuration that is not valid, or a model of other classes.
 */
export function studentOf(student: StudentConfig | StudentModel, context: StudentContext): StudentModel {
  const { labels, tokenizer, sentences, embedding, seed } = context
  if (isModel(student)) return requireClasses(student, labels.length)
  const config = parseDistilRnnConfig({
    ...parseStudentConfig(
      { ...(embedding ? { embedding_size: embedding.width } : {}), ...student },
      'distill, option student',
    ),
    vocab_size: embedding?.rows ?? tokenizer.vocabSize,
    num_labels: labels.length,
    id2label: Object.fromEntries(labels.map((label, i) => [i, String(label)])),
  })
  return createStudent({ config, sentences, seed, ...(embedding ? { embedding } : {}) })
}

/** @throws {ConfigError} for a model whose logits are not one a class. */
function requireClasses(student: StudentModel, classes: number): StudentModel {
  const width = getValue(student.model.graph, 'logits').shape.at(-1)
  if (typeof width !== 'number' || width === classes) return student
  throw new ConfigError({
    where: 'distill, option student',
    what: 'its logits are not one a class',
    expected: `${classes} logits`,
    found: String(width),
    fix: 'Make it with as many, or name all classes with the option labels.',
  })
}

/** A trained student: its parameters as they are saved, and the model that answers. */
export interface TrainedStudent {
  config: DistilRnnConfig | undefined
  parameters: ReadonlyMap<string, Tensor>
  model: Model
  collate: Collate
  /** Whether other programs can run the model: it takes token ids and a mask. */
  portable: boolean
}

const tokenInputs = new Set(['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'])

/** A student whose graph takes token ids and a mask. */
export const inferringStudent = ({
  graph,
  ...rest
}: Pick<TrainedStudent, 'config' | 'parameters'> & { graph: Graph }): TrainedStudent => ({
  ...rest,
  model: { graph, trainable: new Set() },
  collate: paddedBatches(graph),
  portable: true,
})

/** The student with the parameters that training gave it. */
export function trainedStudent(student: StudentModel, trained: ReadonlyMap<string, Tensor>): TrainedStudent {
  const parameters = student.parameters?.(trained) ?? trained
  const { config } = student
  const inference = student.inference ?? (config && ((whole) => distilRnnInference(config, whole)))
  if (inference) return inferringStudent({ config, parameters, graph: inference(parameters) })
  const graph = { ...student.model.graph, initializers: new Map([...student.model.graph.initializers, ...trained]) }
  return {
    config,
    parameters,
    model: { ...student.model, graph },
    collate: student.collate,
    portable: graph.inputs.every((name) => tokenInputs.has(name)),
  }
}
