// A trained student on disk, as PyTorch has it.

import { checkOptions, type Checks, map, object, requireOptions } from '@cola/graph/options'
import {
  type FileSink,
  openFiles,
  placeOf,
  type Source,
  sourceChecks,
  type SourceOptions,
  type Tokenizer,
} from '@cola/data'
import { float32, safetensorsChunks, type Tensor, toFloat32 } from '@cola/graph'
import { writeTokenizer } from '@cola/train'
import { filesOf, readJson, readSafetensors, sinkOf, writeJson } from '@cola/train/files'
import { type DistilRnnConfig, parseDistilRnnConfig } from '../student/config.ts'
import { type EmbeddingTable, embeddingFrom, wholeTable } from '../student/embedding.ts'
import { checked, distilRnnParameters, embeddingWeight, withEmbedding } from '../student/parameters.ts'

/** A student that {@link loadStudent} has read. */
export interface SavedStudent {
  config: DistilRnnConfig
  /** Whole ones, the embedding among them, in float32. */
  parameters: ReadonlyMap<string, Tensor>
  /** The embedding as a table, for `createStudent`. */
  embedding: EmbeddingTable
}

/** What {@link saveStudent} writes. */
export interface StudentToSave {
  config: DistilRnnConfig
  /** Whole ones, as `Student.parameters` gives them. */
  parameters: ReadonlyMap<string, Tensor>
  /** Rows of the embedding. @default that among `parameters` */
  embedding?: EmbeddingTable
  /** Written beside the model. @default none is */
  tokenizer?: Pick<Tokenizer, 'files'>
}

const saveChecks: Checks<StudentToSave> = {
  config: object,
  parameters: map,
  embedding: object,
  tokenizer: object,
}

/**
 * Writes config.json and model.safetensors, whose names and shapes are those of a PyTorch module with `embedding =
 * nn.Embedding`, `rnn = nn.RNN | nn.GRU | nn.LSTM` (batch first) and `classifier = nn.Linear`.
 * @throws {FileError} when the folder cannot be written; {ConfigError} for an option that is unknown or missing.
 */
export function saveStudent(folder: string | FileSink, student: StudentToSave): void {
  checkOptions('saveStudent', student, saveChecks)
  requireOptions('saveStudent', student, saveChecks, ['config', 'parameters'])
  const { config, parameters, embedding, tokenizer } = student
  const sink = sinkOf(folder)
  if (tokenizer) writeTokenizer(tokenizer, sink)
  sink.write('model.safetensors', safetensorsChunks(wholeParameters(parameters, embedding)))
  writeJson(sink, 'config.json', config)
}

/** Parameters with the rows of a table, if there is one. */
export const wholeParameters = (parameters: ReadonlyMap<string, Tensor>, table: EmbeddingTable | undefined) =>
  table ? withEmbedding(wholeTable(table), parameters) : parameters

/**
 * Reads what {@link saveStudent} wrote from a folder, a repository on the hub, an address, picked files, a zip or bytes, for `createStudent`, `exportStudent` and `saveStudent`; `loadDistilled` of
 * @cola/distill opens a student that classifies.
 * @throws {ConfigError | WeightsError | FormatError | FileError | DataError | HubError} naming the file and the field or
 * tensor, or the option that is unknown or out of its range.
 */
export async function loadStudent(source: Source, options: SourceOptions = {}): Promise<SavedStudent> {
  checkOptions('loadStudent', options, sourceChecks)
  const files = filesOf(await openFiles(source, { ...options, files: [] }))
  await files.fetch?.([{ path: 'config.json' }, { path: 'model.safetensors' }])
  const config = parseDistilRnnConfig(readJson(files, 'config.json'), placeOf(files, 'config.json'))
  const weights = placeOf(files, 'model.safetensors')
  const { tensors } = readSafetensors(files, 'model.safetensors')
  const dims = [config.vocab_size, config.embedding_size]
  const embedding = float32(dims, toFloat32(checked(tensors, embeddingWeight, dims, weights)))
  return {
    config,
    parameters: withEmbedding(embedding, distilRnnParameters(tensors, config, weights)),
    embedding: embeddingFrom(embedding),
  }
}
