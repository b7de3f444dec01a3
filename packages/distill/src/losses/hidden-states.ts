// Every token teaches: the student's hidden states, through a learned projection, against the teacher's at each token
// (Romero et al. 2015; Jiao et al. 2020, TinyBERT), in units of the standard deviation of each of the teacher's
// numbers.

import { addInput, build, cloneGraph, getValue, type Loss, type Model } from '@cola/graph'
import { atLeast, type Checks, integer, oneOf, whole } from '@cola/graph/options'
import { pairLossGraph, type Term } from './graph-losses.ts'
import { withProjection } from './with-projection.ts'

/** How every token learns from the teacher's hidden states: the option `hidden_states` of `distill`. */
export interface HiddenStatesOptions {
  /** Weight beside the other losses, at least 0. @default 1 */
  weight?: number
  /**
   * `hidden_mse`: mean square over tokens and numbers, the share of their variance that the student does not explain;
   * `hidden_cosine`: mean over tokens of 1 - cosine. @default 'hidden_mse'
   */
  loss?: 'hidden_mse' | 'hidden_cosine'
  /** The student's layer, from 0; below 0 counted from the last. @default -1 */
  layer?: number
  /**
   * How many of the `transfer` texts, from the first on, teach by the teacher's states; the others teach by its logits
   * alone, which take a thousandth of the room. @default all
   */
  max_transfer_texts?: number
}

export const hiddenStatesChecks: Checks<HiddenStatesOptions> = {
  weight: atLeast(0),
  loss: oneOf(['hidden_mse', 'hidden_cosine']),
  layer: integer,
  max_transfer_texts: whole(0),
}

/** Inputs of the loss: what the teacher's states of a batch are, and of which of the student's tokens. */
export const taught = {
  /** The teacher's states, float32 [taught, width]. */
  states: 'teacher_hidden_states',
  /** The student's tokens that have them, int32 [taught]. */
  tokens: 'taught_token_index',
  /** 0 for each of them; -100 for the token that stands in where a batch has none. */
  labels: 'taught_token_labels',
} as const

const tokensTaught = 'taught_tokens'
const studentStates = 'taught_hidden_states'
const projected = 'projected_hidden_states'
/** The projection's matrix, which no logit depends on. */
export const projectionName = `${projected}.weight`

/**
 * A copy of a student that projects its states of the tokens that are taught, and the term that compares them with the
 * teacher's: a mean over those tokens, 0 where a batch has none.
 * @param hidden Value with the student's states, [token, width].
 * @param width Numbers of a teacher's state.
 */
export function withHiddenStatesTerm(
  model: Model,
  {
    hidden,
    width,
    seed,
    weight = 1,
    loss = 'hidden_mse',
  }: HiddenStatesOptions & { hidden: string } & Record<'width' | 'seed', number>,
): { model: Model; term: Term } {
  const graph = cloneGraph(model.graph)
  const tokens = addInput(graph, taught.tokens, 'int32', [tokensTaught])
  build(graph).node('Gather', [getValue(graph, hidden), tokens], { outputs: [studentStates] })
  return {
    model: withProjection({ ...model, graph }, { hidden: studentStates, width, output: projected, seed }),
    term: { loss: overTaught(pairLossGraph(loss, { student: projected, teacher: taught.states })), weight },
  }
}

/** A mean over the rows of a batch as one over its labels: times 0 where the only row stands in for none. */
function overTaught(meanOfRows: Loss): Loss {
  const loss: Loss = (graph) => {
    const g = build(graph)
    const labels = addInput(graph, taught.labels, 'int32', [tokensTaught])
    const isTaught = g.Where(g.GreaterOrEqual(labels, g.scalar(0, 'int32')), g.scalar(1), g.scalar(0))
    return g.Mul(meanOfRows(graph), g.ReduceMean(isTaught, { keepdims: 0 }))
  }
  return Object.assign(loss, { meanOver: { labels: taught.labels, logits: projected } })
}
