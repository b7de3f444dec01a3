// Probabilities of the classes of a row.

import { requireKind } from '@cola/graph/door'

/** exp(x) / sum(exp(x)), finite for logits of any size: [classes] to [classes]. */
export function softmax(logits: readonly number[]): number[] {
  requireKind('softmax, logits', logits, 'list')
  const greatest = logits.reduce((a, b) => Math.max(a, b))
  const weights = logits.map((logit) => Math.exp(logit - greatest))
  const total = weights.reduce((a, b) => a + b)
  return weights.map((weight) => weight / total)
}

/** 1 / (1 + exp(-x)), of each class by itself: [classes] to [classes]. */
export function sigmoid(logits: readonly number[]): number[] {
  requireKind('sigmoid, logits', logits, 'list')
  return logits.map((logit) => 1 / (1 + Math.exp(-logit)))
}
