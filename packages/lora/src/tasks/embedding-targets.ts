// Targets for the losses of sentence embeddings: which sentences of a batch belong together.

import type { TokenSequence } from '@cola/data'
import type { Batch } from '@cola/train'

/** Tokenized sentences that are compared with each other. */
export interface SentenceEmbeddingExample {
  /** Tokens of all sentences, one after another: batches are made of examples of like length. */
  input_ids: readonly number[]
  /** The texts of a row in the order of its form's columns, or one text to be embedded. */
  sentences: readonly TokenSequence[]
  /** Similarity of the two texts, for rows that have one. */
  score?: number
}

type Examples = readonly SentenceEmbeddingExample[]

/** Indices of each example's sentences among all sentences of a batch. */
export function placesOf(examples: Examples): number[][] {
  let next = 0
  return examples.map(({ sentences }) => sentences.map(() => next++))
}

/** Key of a sentence by its token ids: texts with equal token ids are the same sentence. */
export const keyOf = (sentence: TokenSequence | undefined): string => sentence?.input_ids.join(' ') ?? ''

/** The positives of each anchor, by their keys. */
export function positivesOf(examples: Examples): Map<string, Set<string>> {
  const positives = new Map<string, Set<string>>()
  for (const { sentences } of examples) {
    const [anchor, positive] = [keyOf(sentences[0]), keyOf(sentences[1])]
    positives.set(anchor, (positives.get(anchor) ?? new Set()).add(positive))
  }
  return positives
}

const int32 = (values: readonly number[], dims: readonly number[] = [values.length]): Batch[string] => ({
  data: Int32Array.from(values),
  dims,
})

/**
 * Anchors against all positives and negatives of the batch, for `multipleNegativesRanking`. Left out are candidates
 * that are no negatives: texts that another row calls right for the same anchor, and the anchor itself;
 * sentence-transformers keeps such rows out of a batch (BatchSamplers.NO_DUPLICATES).
 * A text to be embedded is its own positive, because the graph has its loss with it.
 */
export function rankingTargets(examples: Examples): Batch {
  const places = placesOf(examples)
  const anchors = places.map(([anchor]) => anchor as number)
  const positives = places.map(([anchor, positive = anchor]) => positive as number)
  const candidates = [...positives, ...places.flatMap((indices) => indices.slice(2))]
  const keys = examples.flatMap(({ sentences }) => sentences.map(keyOf))
  const right = positivesOf(examples)
  const relevanceOf = (anchor: string, candidate: string): number =>
    anchor === candidate || right.get(anchor)?.has(candidate) ? -1 : 0
  const relevance = anchors.flatMap((anchor, i) =>
    candidates.map((candidate, j) => (i === j ? 1 : relevanceOf(keys[anchor] as string, keys[candidate] as string))),
  )
  return {
    anchors: int32(anchors),
    candidates: int32(candidates),
    relevance: int32(relevance, [anchors.length, candidates.length]),
  }
}

/** The two sentences of each row and their score, for `cosineSquaredError`; a text to be embedded is its own second. */
export function similarityTargets(examples: Examples): Batch {
  const places = placesOf(examples)
  return {
    first: int32(places.map(([first]) => first as number)),
    second: int32(places.map(([first, second = first]) => second as number)),
    similarities: { data: Float32Array.from(examples, ({ score = 1 }) => score), dims: [examples.length] },
  }
}
