// Experiment 2's student, its loss, and how it is trained.

import type { DistillationOptions } from '@cola/distill'
import type { DistilRnnConfig } from '@cola/rnn'

/** A two-layer tanh RNN read at the last token: 40.96M parameters with GPT-2's vocabulary. */
export const reportStudent = {
  embedding_size: 768,
  hidden_size: 768,
  num_layers: 2,
  cell: 'rnn',
  bidirectional: false,
  pooling: 'last',
} as const satisfies Partial<DistilRnnConfig>

/**
 * The soft loss is divided by T^2, where Hinton et al. multiply: at T = 2 the teacher counts a sixteenth of what it does
 * there.
 */
export const reportLoss = { temperature: 2, alpha: 0.8, scale: 'inverse-square' } as const satisfies DistillationOptions

export const reportTraining = {
  epochs: 5,
  batch_size: 128,
  learning_rate: 1e-3,
  lr_scheduler_type: 'constant',
  warmup: 0,
  weight_decay: 0,
  max_grad_norm: 1,
  embedding_lr: 1,
} as const
