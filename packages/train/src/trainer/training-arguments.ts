// Names of transformers' TrainingArguments that are no options here, for errors.

const evaluated = 'Each epoch ends with an evaluation, where there are evaluation rows.'
const kept = 'output_dir keeps the last checkpoint and the best parameters; save_steps makes more checkpoints.'
const told = 'callbacks: { onStep, onEpoch } are told, and output_dir has them in log.jsonl.'
const float32 = 'Training is in float32.'

/** What does here what an argument does there, by its name. */
export const trainingArguments: Readonly<Record<string, string>> = {
  eval_strategy: evaluated,
  evaluation_strategy: evaluated,
  eval_steps: evaluated,
  save_strategy: kept,
  save_total_limit: kept,
  logging_steps: told,
  logging_strategy: told,
  logging_dir: told,
  report_to: told,
  fp16: float32,
  bf16: float32,
  max_steps: 'A run is of whole epochs: epochs; signal stops it earlier.',
  optim: 'An optimizer is part of the artifacts: generateArtifacts(model, { optimizer }).',
  group_by_length: "It is train_sampling_strategy: 'group_by_length'.",
}
