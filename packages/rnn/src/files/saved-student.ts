// A trained student on disk, as PyTorch has it.

import { checkOptions, type Checks, map, object, requireOptions } from '@cola/graph/options'
import { type Files, type FileSink, placeOf, type Tokenizer } from '@cola/data'
import { safetensorsChunks, type Tensor } from '@cola/graph'
import { writeTokenizer } from '@cola/train'
import { filesOf, readJson, readSafetensors, sinkOf, writeJson } from '@cola/train/files'
import { type DistilRnnConfig, parseDistilRnnConfig } from '../student/config.ts'
import { type EmbeddingTable, embeddingFrom } from '../student/embedding.ts'
import { checked, distilRnnParameters } from '../student/parameters.ts'

/** A student that {@link loadStudent} has read. */
export interface SavedStudent {
  config: DistilRnnConfig
  /** All parameters but the embedding. */
  parameters: ReadonlyMap<string, Tensor>
  embedding: EmbeddingTable
}

/** What {@link saveStudent} writes. */
export interface StudentToSave {
  config: DistilRnnConfig
  /** Whole ones, as `Student.parameters` gives them. */
  parameters: ReadonlyMap<string, Tensor>
  /** Written beside the model. @default none is */
  tokenizer?: Pick<Tokenizer, 'files'>
}

const saveChecks: Checks<StudentToSave> = {
  config: object,
  parameters: map,
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
  const { config, parameters, tokenizer } = student
  const sink = sinkOf(folder)
  if (tokenizer) writeTokenizer(tokenizer, sink)
  sink.write('model.safetensors', safetensorsChunks(parameters))
  writeJson(sink, 'config.json', config)
}

/**
 * Reads what {@link saveStudent} wrote.
 * @throws {ConfigError | WeightsError | FormatError | FileError} naming the file and the field or tensor.
 */
export function loadStudent(folder: string | Files): SavedStudent {
  const files = filesOf(folder)
  const config = parseDistilRnnConfig(readJson(files, 'config.json'), placeOf(files, 'config.json'))
  const weights = placeOf(files, 'model.safetensors')
  const { tensors } = readSafetensors(files, 'model.safetensors')
  const embedding = checked(tensors, 'embedding.weight', [config.vocab_size, config.embedding_size], weights)
  return { config, parameters: distilRnnParameters(tensors, config, weights), embedding: embeddingFrom(embedding) }
}
