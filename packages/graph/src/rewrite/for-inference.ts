// The passes for a decoder that generates, by operators that only the runtime has: few nodes a layer, because a node on
// one token takes as long to start as to run.

import { requireKind } from '../door.ts'
import type { Graph } from '../ir/graph.ts'
import { checkOptions, flag } from '../options.ts'
import { onRows } from './on-rows.ts'
import { packedAttention } from './packed-attention.ts'
import { packedProducts } from './packed-products.ts'
import { type Pass, runPasses, withoutUnused } from './pass.ts'
import { runtimeNormalizations } from './runtime-normalizations.ts'
import { skipLayerNorm } from './skip-layer-norm.ts'

/**
 * A copy of a decoder in the form in which tools for generation have it: one product for queries, keys and values, the
 * residual sum inside of the normalization after it, and no Reshape between linear layers. It has operators without
 * gradient rules.
 * @param options `packed`: matrices in 4 or 8 bits will be multiplied as they are, by `packMatrices`. @default true
 * @throws {ConfigError} for what is no graph, and an option that is unknown or out of its range.
 */
export function forInference(graph: Graph, options: { packed?: boolean } = {}): Graph {
  checkOptions('forInference', options, { packed: flag })
  requireKind('forInference, graph', graph, 'graph')
  const { packed = true } = options
  const passes: readonly Pass[] = [
    packedAttention,
    ...(packed ? [packedProducts] : []),
    withoutUnused,
    onRows,
    withoutUnused,
    runtimeNormalizations,
    skipLayerNorm,
  ]
  return runPasses(graph, passes)
}
