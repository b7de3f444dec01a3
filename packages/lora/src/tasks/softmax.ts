/** Probabilities of logits. */
export function softmax(logits: readonly number[]): number[] {
  const greatest = logits.reduce((a, b) => Math.max(a, b))
  const weights = logits.map((logit) => Math.exp(logit - greatest))
  const total = weights.reduce((a, b) => a + b)
  return weights.map((weight) => weight / total)
}
