// Classification metrics; scikit-learn's definitions.

/** Counts: row = true class, column = predicted class. */
export function confusionMatrix(predictions: readonly number[], labels: readonly number[], classes = 2): number[][] {
  const matrix = Array.from({ length: classes }, () => new Array<number>(classes).fill(0))
  labels.forEach((label, i) => {
    const row = matrix[label] as number[]
    const predicted = predictions[i] as number
    row[predicted] = (row[predicted] ?? 0) + 1
  })
  return matrix
}

/** Share of rows predicted right, 0 to 1. */
export const accuracy = (predictions: readonly number[], labels: readonly number[]): number =>
  labels.filter((label, i) => label === predictions[i]).length / labels.length

/** Matthews correlation, -1 to 1; 0 where it is not defined (one class never predicted). */
export function matthewsCorrelation(predictions: readonly number[], labels: readonly number[]): number {
  const [[tn, fp], [fn, tp]] = confusionMatrix(predictions, labels) as [[number, number], [number, number]]
  const denominator = Math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
  return denominator === 0 ? 0 : (tp * tn - fp * fn) / denominator
}

/** F1 of class 1, 0 to 1; 0 where it is never predicted right. */
export function f1(predictions: readonly number[], labels: readonly number[]): number {
  const [[, fp], [fn, tp]] = confusionMatrix(predictions, labels) as [[number, number], [number, number]]
  return tp === 0 ? 0 : (2 * tp) / (2 * tp + fp + fn)
}

/** Share of the most frequent label: what a classifier that says nothing reaches. */
export function majorityBaseline(labels: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1)
  return Math.max(...counts.values()) / labels.length
}

/** Accuracy, Matthews correlation and F1 of a two-class problem. */
export const classificationMetrics = (predictions: readonly number[], labels: readonly number[]): { accuracy: number; mcc: number; f1: number } => ({
  accuracy: accuracy(predictions, labels),
  mcc: matthewsCorrelation(predictions, labels),
  f1: f1(predictions, labels),
})
