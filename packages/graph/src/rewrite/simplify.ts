// What exporters spell out: casts that change nothing, constants under several names, functions in many operators,
// halves cut one by one.

import type { Graph } from '../ir/graph.ts'
import { foldIdentities } from './fold-identities.ts'
import { joinSlices } from './join-slices.ts'
import { type Pass, runPasses, withoutUnused } from './pass.ts'
import { recogniseFunctions } from './recognise-functions.ts'
import { withoutCasts } from './without-casts.ts'

/** What is done to a model that another tool exported, in this order. */
export const simplifications: readonly Pass[] = [
  withoutCasts,
  foldIdentities,
  recogniseFunctions,
  joinSlices,
  withoutUnused,
]

/** A copy of the graph with fewer nodes and the same numbers. */
export const simplify = (graph: Graph): Graph => runPasses(graph, simplifications)
