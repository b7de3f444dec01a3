// The predictions of a language model for a text: its loss, and the logits of the next token.

import { ignoreIndex } from '@cola/data'

/** Loss of a text, or the logits of the token that follows it. */
export interface TextScore {
  /** Mean cross-entropy of the learned tokens, in nats; 0 for none. */
  loss: number
  /** Number of tokens in the mean. */
  tokens: number
  /** [vocab_size], for a prompt. */
  next?: Float32Array
}

/** Logits of a batch, [..., vocab_size]. */
interface Logits {
  readonly data: Float32Array
  readonly dims: readonly number[]
}

/** The logits at a place of the flattened rows. */
function logitsAt({ data, dims }: Logits, place: number): Float32Array {
  const width = dims.at(-1) as number
  return data.subarray(place * width, (place + 1) * width)
}

/** log sum exp(x) - x[label]. */
function crossEntropyOf(logits: Float32Array, label: number): number {
  const greatest = logits.reduce((a, b) => Math.max(a, b))
  return greatest - (logits[label] as number) + Math.log(logits.reduce((sum, x) => sum + Math.exp(x - greatest), 0))
}

/** Mean loss of the labels of a text that begins at a place; the first has nothing before it. */
export function textScore(logits: Logits, start: number, labels: readonly number[]): TextScore {
  const losses = labels.flatMap((label, at) =>
    at === 0 || label === ignoreIndex ? [] : [crossEntropyOf(logitsAt(logits, start + at - 1), label)],
  )
  return { loss: losses.reduce((a, b) => a + b, 0) / Math.max(1, losses.length), tokens: losses.length }
}

/** The logits of the token after the one at a place. */
export const nextLogits = (logits: Logits, place: number): TextScore => ({
  loss: 0,
  tokens: 0,
  next: logitsAt(logits, place).slice(),
})
