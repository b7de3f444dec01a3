// Exports classifiers, with their adapters merged, for any ONNX Runtime.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, list, requireOptions } from '@cola/graph/options'
import type { Model } from '@cola/graph'
import { type ClassifierExport, modelFolderChecks, writeClassifier } from '@cola/train'
import { withPaddedInputs } from '../gpt2/padded-inputs.ts'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { merge } from '../inject/merge.ts'
import { architecture } from '../load/architecture.ts'
import { withMaskedInputs } from '../onnx/masked-inputs.ts'
import { inBitsOf, type Requantized } from '../onnx/requantize.ts'

/** What {@link exportMerged} writes. */
export type MergedExport = Omit<ClassifierExport, 'graph'>

const { graph: _, ...folderChecks } = modelFolderChecks
const checks: Checks<MergedExport> = { ...folderChecks, labels: list }

const isAdapted = (model: Model | AdaptedModel): model is AdaptedModel => 'targets' in model

/** Whether a graph takes packed batches, as GPT-2's does. */
const isPacked = ({ graph }: Model): boolean => graph.inputs.includes('segment_ids')

/**
 * Writes a classifier that any ONNX Runtime loads, and `loadClassifier` of @cola/train: model.onnx (int64 `input_ids`,
 * `attention_mask` [batch, sequence] to `logits`) with its weights beside it, config.json and the tokenizer.
 * @param model GPT-2 or an ONNX model with a head; its adapter, if it has one, is merged.
 * @param options `labels`: @default the head's, else those of the configuration; `dtype: 'packed'` rounds the matrices
 * that the adapter changes to the bits that they have in its base
 * @returns What that rounding lost, where there was any.
 * @throws {FileError} when the folder cannot be written, {AdapterError} when merging gives values that are not finite,
 * {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function exportMerged(
  model: Model | AdaptedModel,
  options: MergedExport,
): { readonly requantized?: Requantized } {
  checkOptions('exportMerged', options, checks)
  requireOptions('exportMerged', options, checks, ['folder', 'config'])
  requireKind('exportMerged, model', model, 'model')
  // Merging may fail: it comes before anything is written.
  const merged = isAdapted(model) ? merge(model) : model
  const whole = isPacked(merged) ? withPaddedInputs(merged) : withMaskedInputs(merged)
  const isRounded = isAdapted(model) && options.dtype === 'packed'
  const { graph, ...lost } = isRounded ? inBitsOf(model.base, whole) : { graph: whole }
  const labels = options.labels ?? (isAdapted(model) ? model.head?.labels : undefined)
  const config = { ...options.config, ...architecture(options.config, 'ForSequenceClassification') }
  writeClassifier({ ...options, config, graph, ...(labels ? { labels: [...labels] } : {}) })
  return lost
}
