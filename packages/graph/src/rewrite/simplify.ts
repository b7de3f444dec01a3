// The passes for exported models: they remove idle casts and copies of constants, and replace functions written as
// several operators, and slices that partition a value, by one operator.

import { requireKind } from '../door.ts'
import type { Graph } from '../ir/graph.ts'
import { foldIdentities } from './fold-identities.ts'
import { joinSlices } from './join-slices.ts'
import { inOrder, type Pass, withoutUnused } from './pass.ts'
import { recogniseFunctions } from './recognise-functions.ts'
import { withoutCasts } from './without-casts.ts'

/** The passes for a model that another tool exported, in the order in which they run. */
const simplifications: readonly Pass[] = [withoutCasts, foldIdentities, recogniseFunctions, joinSlices, withoutUnused]

/** A copy of the graph with fewer nodes and the same results. */
export const simplify = (graph: Graph): Graph => {
  requireKind('simplify, graph', graph, 'graph')
  return inOrder(graph, simplifications)
}
