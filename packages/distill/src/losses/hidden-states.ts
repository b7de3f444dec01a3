// Every token teaches: the student's hidden states, through a learned projection, against the teacher's at each token
// (Romero et al. 2015; Jiao et al. 2020, TinyBERT), in units of the standard deviation of each of the teacher's
// numbers.

import type { Model } from '@cola/graph'
import { atLeast, type Checks, integer, oneOf } from '@cola/graph/options'
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
}

export const hiddenStatesChecks: Checks<HiddenStatesOptions> = {
  weight: atLeast(0),
  loss: oneOf(['hidden_mse', 'hidden_cosine']),
  layer: integer,
}

/** Input with the teacher's states [token, width], in the order of the student's tokens. */
export const teacherStates = 'teacher_hidden_states'
const projected = 'projected_hidden_states'
/** The projection's matrix, which no logit depends on. */
export const projectionName = `${projected}.weight`

/**
 * A copy of a student that projects its states, and the term that compares them with the teacher's.
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
  return {
    model: withProjection(model, { hidden, width, output: projected, seed }),
    term: { loss: pairLossGraph(loss, { student: projected, teacher: teacherStates }), weight },
  }
}
