// Losses of sentence embeddings. One forward pass computes all embeddings of a batch; inputs hold the indices of those
// that belong together.

import {
  addInput,
  build,
  type Builder,
  getValue,
  type Graph,
  type Loss,
  normalizeRows,
  scale,
  type Value,
} from '@cola/graph'
import { type Checks, checkOptions, positive, text } from '@cola/graph/options'

/** Options of losses of embeddings. */
export interface EmbeddingLossOptions {
  /** Name of the embeddings, [sentence, width]. @default 'sentence_embedding' */
  embeddings?: string
}

/** Options of the multiple-negatives ranking loss. */
export interface RankingLossOptions extends EmbeddingLossOptions {
  /** Factor of the cosines before the softmax, above 0: the inverse of a temperature. @default 20 */
  scale?: number
}

const checks: Checks<EmbeddingLossOptions> = { embeddings: text }
const rankingChecks: Checks<RankingLossOptions> = { ...checks, scale: positive }

/** The rows of the embeddings at the indices of an int32 input [rows], scaled to norm 1. */
function unitRows(g: Builder, embeddings: Value, input: string, rows: string): Value {
  const indices = addInput(g.graph, input, 'int32', [rows])
  return normalizeRows(g, g.Gather(embeddings, indices))
}

/** A logit below all others; finite, because infinity times a gradient of 0 is NaN. */
const maskedLogit = -1e9

/**
 * In-batch negatives: the cross-entropy of each anchor's positive among all candidates of the batch, by cosine
 * similarity. Henderson et al. 2017; sentence-transformers' MultipleNegativesRankingLoss.
 *
 *     loss = -mean_i log( exp(s cos(a_i, p_i)) / sum_j exp(s cos(a_i, c_j)) )
 *
 * Inputs: `anchors` int32 [pair] and `candidates` int32 [candidate], indices of embeddings; `relevance` int32
 * `[pair, candidate]`: 1 for the anchor's positive, 0 for a negative, -1 for a candidate that the sum leaves out as a
 * further positive. The mean is over pairs. Negatives are those of one batch, so that accumulated batches are
 * not equivalent to one large batch.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export function multipleNegativesRanking(options: RankingLossOptions = {}): Loss {
  checkOptions('multipleNegativesRanking', options, rankingChecks)
  const { embeddings = 'sentence_embedding', scale: factor = 20 } = options
  const loss = (graph: Graph): Value => {
    const g = build(graph)
    const rows = getValue(graph, embeddings)
    const [anchors, candidates] = [unitRows(g, rows, 'anchors', 'pair'), unitRows(g, rows, 'candidates', 'candidate')]
    const relevance = addInput(graph, 'relevance', 'int32', ['pair', 'candidate'])
    const hasRelevance = (value: number) => g.Equal(relevance, g.scalar(value, 'int32'))
    const cosines = g.Gemm(anchors, candidates, { transB: 1 })
    const logits = g.Where(hasRelevance(-1), g.scalar(maskedLogit), scale(g, cosines, factor))
    const losses = g.Where(hasRelevance(1), g.Neg(g.LogSoftmax(logits, { axis: -1 })), g.scalar(0))
    return meanOf(g, g.ReduceSum(losses, g.int64([-1]), { keepdims: 0 }))
  }
  return Object.assign(loss, { meanOver: { rows: 'anchors' } })
}

/**
 * Mean squared error of the cosine similarity of two embeddings against a target; sentence-transformers'
 * CosineSimilarityLoss.
 * Inputs: `first` and `second` int32 [pair], indices of embeddings; `similarities` float32 [pair], -1 to 1.
 * @throws {ConfigError} for an option that is unknown or not a name.
 */
export function cosineSquaredError(options: EmbeddingLossOptions = {}): Loss {
  checkOptions('cosineSquaredError', options, checks)
  const { embeddings = 'sentence_embedding' } = options
  const loss = (graph: Graph): Value => {
    const g = build(graph)
    const rows = getValue(graph, embeddings)
    const [first, second] = [unitRows(g, rows, 'first', 'pair'), unitRows(g, rows, 'second', 'pair')]
    const target = addInput(graph, 'similarities', 'float32', ['pair'])
    const error = g.Sub(g.ReduceSum(g.Mul(first, second), g.int64([-1]), { keepdims: 0 }), target)
    return meanOf(g, g.Mul(error, error))
  }
  return Object.assign(loss, { meanOver: { rows: 'first' } })
}

const meanOf = (g: Builder, values: Value): Value =>
  g.node('ReduceMean', [values], { name: 'loss', attributes: { keepdims: 0 } })[0] as Value
