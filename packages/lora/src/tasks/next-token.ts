// The predictions of a language model for a text: its loss, and the logits of the next token.

import { ignoreIndex } from '@cola/data'

/** Loss of a text, or the logits of the token that follows it. */
export interface TextScore {
  /** Mean cross-entropy of the learned tokens, in nats; NaN for none. */
  loss: number
  /** Number of tokens in the mean. */
  tokens: number
  /** [vocab_size], for a prompt. */
  next?: Float32Array
}

/** A text, or a prompt, which has no labels. */
interface LabelledText {
  readonly labels?: readonly number[]
}

/** The labels that have a loss, each with its place in the text; the first token has nothing before it. */
export const learned = ({ labels = [] }: LabelledText): { label: number; at: number }[] =>
  labels.flatMap((label, at) => (at === 0 || label === ignoreIndex ? [] : [{ label, at }]))

/**
 * The predictions of a batch.
 * @param outputs `losses`: of the learned labels of all texts, in their order; `logits`: [prompt, vocab_size].
 */
export function textScores(
  texts: readonly LabelledText[],
  { losses, logits }: { losses: Float32Array; logits: Float32Array },
): TextScore[] {
  const width = logits.length / Math.max(1, texts.filter(({ labels }) => !labels).length)
  let [label, prompt] = [0, 0]
  return texts.map((text) => {
    if (!text.labels) {
      prompt += 1
      return { loss: Number.NaN, tokens: 0, next: logits.slice((prompt - 1) * width, prompt * width) }
    }
    const tokens = learned(text).length
    label += tokens
    const own = losses.subarray(label - tokens, label)
    return { loss: own.reduce((a, b) => a + b, 0) / tokens, tokens }
  })
}
