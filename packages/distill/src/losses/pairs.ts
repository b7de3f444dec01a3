// THE table of losses between a student's values and a teacher's: each as a graph fragment for training and as a plain
// function on arrays.
// One row a loss; the tests sweep the table, so a row whose two forms disagree, or whose gradient is wrong, fails.

import { checkLossOptions } from './loss-options.ts'
import { type PairFunction, pairFunctions, type PairLossName } from './pair-functions.ts'
import { type PairGraph, pairGraphs } from './pair-graphs.ts'

/** A row of the table of losses: the graph's fragment and the plain function. */
export interface PairLoss {
  /** Adds the loss of `student` against `teacher`, both [rows, width], as a scalar. */
  readonly graph: PairGraph
  /** The same of arrays [rows, width], with its gradient with respect to `student`. */
  readonly plain: PairFunction
}

/** A row whose two forms check their options. */
const checked = (name: string, { graph, plain }: PairLoss): PairLoss => ({
  graph: (g, student, teacher, options) => {
    checkLossOptions(`pairLosses.${name}`, options)
    return graph(g, student, teacher, options)
  },
  plain: (student, teacher, width, options) => {
    checkLossOptions(`pairLosses.${name}`, options)
    return plain(student, teacher, width, options)
  },
})

/** The table of losses between a student and its teacher. */
export const pairLosses = Object.fromEntries(
  Object.entries(pairFunctions).map(([name, plain]) => [
    name,
    checked(name, { graph: pairGraphs[name as PairLossName], plain }),
  ]),
) as Readonly<Record<PairLossName, PairLoss>>
