// Names of options that a function has not: transformers' and PEFT's, and those of other functions. Loaded for an option
// that is unknown.

import { loopChecks } from '@cola/train'
import { onnxModelChecks } from '../onnx/open-options.ts'
import type { CommonOptions } from './options.ts'

const validation = 'It is validation: rows, or a share of train.'
const evaluated = 'Each epoch ends with an evaluation, where there is validation; there is none between its steps.'
const kept = 'output_dir keeps the last checkpoint and the best parameters; save_steps makes more checkpoints.'
const told = 'callbacks: { onStep, onEpoch } are told, and output_dir has them in log.jsonl.'
const float32 = "Training is in float32; frozenProducts: 'float16' or 'int8' is for frozen matrices."
const ofAdam = "fineTune takes AdamW with PyTorch's defaults; the Trainer of @cola/train takes any optimizer."
const ofLoss =
  "The loss is the task's, with class_weight, pos_weight and label_smoothing; the Trainer of @cola/train takes any loss."
const named = 'It is labels: names in the order of the classes.'
const ofBatches = "Rows of like length share a batch (train_sampling_strategy: 'group_by_length'): there is no packing."

const belongTo = (part: string, names: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(names.map((name) => [name, `It belongs to ${part}: ${part}: { ${name}: ... }.`]))

/** Options of opening a base. */
export const ofOpen = belongTo('open', Object.keys(onnxModelChecks))

const trainedBy = (others: string): string =>
  `It is an option of training: fineTune(base, { adapter: folder, train${others} }).`

/** Options of fineTune's that a model which is loaded has not, beside those of the loop. */
const ofRuns: readonly (keyof CommonOptions<'SEQ_CLS'>)[] = [
  ...(['train', 'validation', 'max_length', 'weight_decay', 'max_grad_norm', 'frozenProducts'] as const),
  'gradient_checkpointing',
]
const { eval_batch_size: _, ...ofLoop } = loopChecks

/** What does in `loadFineTuned` what an option does elsewhere, by its name. */
export const ofLoading: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    [...ofRuns, ...Object.keys(ofLoop)].map((name) => [name, trainedBy(name === 'train' ? '' : `, ${name}`)]),
  ),
  ...ofOpen,
  is_trainable: trainedBy(''),
  lora: "The adapter's configuration is in its folder.",
  adapter: 'The adapter comes first: loadFineTuned(adapter, { base }).',
  callbacks: 'It is onWarning: a function.',
  load_in_4bit: 'It is open: { quantization: { bits: 4 } }.',
  load_in_8bit: 'It is open: { quantization: { bits: 8 } }.',
  id2label: named,
  label2id: named,
}

/** What does in `fineTune` what an option does there, by its name. */
export const ofTraining: Readonly<Record<string, string>> = {
  train_dataset: 'It is train: an array of rows.',
  eval_dataset: validation,
  evaluation: validation,
  test: validation,
  eval_strategy: evaluated,
  evaluation_strategy: evaluated,
  eval_steps: evaluated,
  save_strategy: kept,
  save_total_limit: kept,
  logging_steps: told,
  logging_strategy: told,
  logging_dir: told,
  report_to: told,
  lr_scheduler: "It is lr_scheduler_type: 'linear', 'cosine' or 'constant'.",
  lr_scheduler_kwargs: "lr_scheduler_type has none: it is 'linear', 'cosine' or 'constant'.",
  warmup_steps: 'It is warmup: a number of steps.',
  warmup_ratio: 'It is warmup: a share of all steps, below 1.',
  num_train_epochs: 'It is epochs.',
  per_device_train_batch_size: 'It is batch_size.',
  per_device_eval_batch_size: 'It is eval_batch_size.',
  max_seq_length: 'It is max_length: longer inputs are cut.',
  early_stopping: 'It is early_stopping_patience: epochs without a better one.',
  packing: ofBatches,
  peft_config: 'It is lora: { r, lora_alpha, target_modules }.',
  test_size: 'It is validation: a share of train.',
  resume_from_checkpoint: 'It is resume: true, with the output_dir of the run.',
  fp16: float32,
  bf16: float32,
  optim: ofAdam,
  adam_beta1: ofAdam,
  adam_beta2: ofAdam,
  adam_epsilon: ofAdam,
  optimizers: ofAdam,
  loss: ofLoss,
  loss_type: ofLoss,
  compute_loss: ofLoss,
  compute_loss_func: ofLoss,
  class_weights: "It is class_weight: 'balanced', or { label: weight }.",
  group_by_length: "It is train_sampling_strategy: 'group_by_length'.",
  load_in_4bit: 'It is quantization: { bits: 4 }.',
  load_in_8bit: 'It is quantization: { bits: 8 }.',
  id2label: named,
  label2id: named,
  num_labels: 'The classes are those of the rows, or labels.',
  ...ofOpen,
  ...belongTo('lora', ['r', 'lora_alpha', 'lora_dropout', 'target_modules', 'modules_to_save']),
}
