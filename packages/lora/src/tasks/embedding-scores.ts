// Scores of sentence embeddings: retrieval accuracy, and correlation with given similarities.

import { cosineSimilarities, type Embeddings, pearson, retrievalMetrics, spearman } from '@cola/data'
import type { Metrics } from '@cola/train'
import { keyOf, positivesOf, type SentenceEmbeddingExample } from './embedding-targets.ts'
import type { ScoreContext } from './task.ts'

/** The embeddings of an example's sentences. */
export type SentencePrediction = readonly (readonly number[])[]

type Score = (
  predictions: readonly SentencePrediction[],
  examples: readonly SentenceEmbeddingExample[],
  context: Pick<ScoreContext, 'onWarning'>,
) => Metrics

/** Cosine similarity of rows of length 1. */
export const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)

const embeddings = (rows: readonly (readonly number[])[]): Embeddings => ({
  data: Float32Array.from(rows.flat()),
  width: rows[0]?.length ?? 1,
})

/**
 * Share of anchors with a right text among the nearest, in a corpus of all distinct positives and negatives of the
 * rows. Of several right texts of an anchor the nearest counts, as in sentence-transformers'
 * InformationRetrievalEvaluator.
 * @returns `accuracy_at_1` and `accuracy_at_10`.
 */
export const retrievalScores: Score = (predictions, examples, { onWarning }) => {
  const corpus = corpusOf(predictions, examples)
  const places = new Map([...corpus.keys()].map((key, place) => [key, place]))
  const anchors = predictions.map(([anchor]) => anchor as readonly number[])
  const right = positivesOf(examples)
  const targets = examples.map(({ sentences }, i) => {
    const similarity = (key: string) => dot(anchors[i] as readonly number[], corpus.get(key) as readonly number[])
    const keys = [...(right.get(keyOf(sentences[0])) as Set<string>)]
    return places.get(keys.reduce((best, key) => (similarity(key) > similarity(best) ? key : best))) as number
  })
  return retrievalMetrics(embeddings(anchors), embeddings([...corpus.values()]), { targets, onWarning })
}

/** Embeddings of the distinct texts that are not anchors. */
function corpusOf(
  predictions: readonly SentencePrediction[],
  examples: readonly SentenceEmbeddingExample[],
): Map<string, readonly number[]> {
  const corpus = new Map<string, readonly number[]>()
  examples.forEach(({ sentences }, i) => {
    for (const [j, embedding] of [...(predictions[i] as SentencePrediction).entries()].slice(1))
      corpus.set(keyOf(sentences[j]), embedding)
  })
  return corpus
}

/** Correlation of the cosine similarities with the similarities of the rows: `spearman` and `pearson`. */
export const similarityScores: Score = (predictions, examples, { onWarning }) => {
  const column = (position: number) => embeddings(predictions.map((one) => one[position] as readonly number[]))
  const cosines = cosineSimilarities(column(0), column(1), { onWarning })
  const scores = examples.map(({ score }) => score as number)
  return { spearman: spearman(cosines, scores, { onWarning }), pearson: pearson(cosines, scores, { onWarning }) }
}
