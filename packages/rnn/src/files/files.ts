// A trained student on disk: as PyTorch has it, and as a classifier for any ONNX Runtime.

import { safetensorsChunks, type Tensor } from '@cola/graph'
import {
  type ClassifierExport,
  paths,
  readJson,
  readSafetensorsFile,
  writeClassifier,
  writeFileAtomic,
} from '@cola/train'
import { type DistilRnnConfig, parseDistilRnnConfig } from '../student/config.ts'
import { type EmbeddingTable, embeddingFrom } from '../student/embedding.ts'
import { distilRnnInference } from '../student/inference.ts'
import { checked, distilRnnParameters } from '../student/parameters.ts'

export interface SavedStudent {
  config: DistilRnnConfig
  /** All parameters but the embedding. */
  parameters: ReadonlyMap<string, Tensor>
  embedding: EmbeddingTable
}

/**
 * Writes config.json and model.safetensors, whose names and shapes are those of a PyTorch module with `embedding =
 * nn.Embedding`, `rnn = nn.RNN | nn.GRU | nn.LSTM` (batch first) and `classifier = nn.Linear`.
 * @param parameters Whole ones, as `Student.parameters` gives them.
 * @throws {FileError} when the folder cannot be written.
 */
export function saveStudent(
  folder: string,
  { config, parameters }: { config: DistilRnnConfig; parameters: ReadonlyMap<string, Tensor> },
): void {
  const { join } = paths()
  writeFileAtomic(join(folder, 'model.safetensors'), safetensorsChunks(parameters))
  writeFileAtomic(join(folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`)
}

/**
 * Reads what {@link saveStudent} wrote.
 * @throws {ConfigError | WeightsError | FormatError | FileError} naming the file and the field or tensor.
 */
export function loadStudent(folder: string): SavedStudent {
  const { join } = paths()
  const path = join(folder, 'config.json')
  const config = parseDistilRnnConfig(readJson(path), path)
  const weights = join(folder, 'model.safetensors')
  const { tensors } = readSafetensorsFile(weights)
  const embedding = checked(tensors, 'embedding.weight', [config.vocab_size, config.embedding_size], weights)
  return { config, parameters: distilRnnParameters(tensors, config, weights), embedding: embeddingFrom(embedding) }
}

export interface StudentExport extends Omit<ClassifierExport, 'graph'> {
  config: DistilRnnConfig
  /** Whole ones, as `Student.parameters` gives them. */
  parameters: ReadonlyMap<string, Tensor>
}

/**
 * Writes a classifier that any ONNX Runtime loads, and `loadClassifier` of @cola/train; sentences of any length.
 * @throws {FileError} when the folder cannot be written.
 */
export function exportStudent({ parameters, ...rest }: StudentExport): void {
  writeClassifier({ ...rest, graph: distilRnnInference(rest.config, parameters) })
}
