// Experiment 1 of the report: a classifier with LoRA, by the steps that fineTune takes.

import { argMaxRows, classificationMetrics, packRows, type TokenRow } from '@cola/data'
import type { LoraModel } from '@cola/lora'
import {
  adam,
  type Callbacks,
  crossEntropy,
  type Device,
  generateArtifacts,
  type ScheduleName,
  Trainer,
  TrainingSession,
} from '@cola/train'

export interface FineTuneOptions {
  model: LoraModel
  train: readonly TokenRow[]
  validation: readonly TokenRow[]
  /** Scored once, at the end. */
  heldOut: readonly TokenRow[]
  device: Device
  epochs: number
  batch_size: number
  learning_rate: number
  lr_scheduler_type: ScheduleName
  seed: number
  /** Folder for checkpoints and the log. @default none is written */
  output_dir?: string
  resume?: boolean
  signal?: AbortSignal
  callbacks?: Callbacks
}

export async function finetune({ model, train, validation, heldOut, device, output_dir, ...options }: FineTuneOptions) {
  const artifacts = generateArtifacts(model, { loss: crossEntropy(), optimizer: adam({ max_grad_norm: 1 }) })
  const session = await TrainingSession.create({ artifacts, device, seed: options.seed })
  const trainer = new Trainer<TokenRow, number>({
    ...options,
    session,
    data: { train, evaluation: validation, collate: packRows, tokens: (row) => row.input_ids.length },
    predict: ({ logits }, rows) => argMaxRows(logits?.data ?? new Float32Array(), rows.length),
    compute_metrics: ({ predictions, rows, onWarning }) =>
      classificationMetrics(
        predictions,
        rows.map(({ label }) => label),
        { onWarning },
      ),
    metric_for_best_model: 'mcc',
    ...(output_dir ? { output_dir, save_steps: 50 } : {}),
  })
  const result = await trainer.train()
  const scores = {
    validation: await trainer.evaluate(validation),
    heldOut: await trainer.evaluate(heldOut),
  }
  const parameters = await session.getParameters()
  await session.release()
  return { ...result, ...scores, parameters }
}
