// Exports trained classifiers for any ONNX Runtime.

import type { Model } from '@cola/graph'
import { type ClassifierExport, writeClassifier } from '@cola/train'
import type { Gpt2Config } from '../gpt2/config.ts'
import { withPaddedInputs } from '../gpt2/padded-inputs.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { merge } from '../inject/merge.ts'
import { withMaskedInputs } from '../onnx/masked-inputs.ts'

export interface ExportOptions extends Omit<ClassifierExport, 'graph'> {
  config: Gpt2Config
}

/**
 * Writes a classifier that any ONNX Runtime loads, and `loadClassifier` of @cola/train: model.onnx (int64 `input_ids`,
 * `attention_mask` [batch, sequence] to `logits`) with its weights beside it, config.json and the tokenizer.
 * @param model A model without an adapter: merge() it first.
 * @throws {FileError} when the folder cannot be written.
 */
export function exportClassifier(model: Model, { config, ...rest }: ExportOptions): void {
  writeClassifier({
    ...rest,
    graph: withPaddedInputs(model),
    config: { ...config, architectures: ['GPT2ForSequenceClassification'] },
  })
}

export type MergedExport = Omit<ClassifierExport, 'graph'>

/**
 * {@link exportClassifier} for any ONNX model with an adapter and a head: merges the adapter and keeps the head's
 * pooling.
 * @param options `labels`: @default the head's
 * @throws {FileError} when the folder cannot be written, {AdapterError} when merging gives values that are not finite.
 */
export function exportMerged(model: AdaptedModel, options: MergedExport): void {
  // Merging may fail: it comes before anything is written.
  const graph = withMaskedInputs(merge(model))
  const labels = options.labels ?? model.head?.labels
  writeClassifier({ ...options, graph, ...(labels ? { labels: [...labels] } : {}) })
}
