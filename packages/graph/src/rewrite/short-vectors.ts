// The passes for processors whose kernels compute with short vectors: WebAssembly's 128 bits. Products cost six times
// what they cost with 512 bits, kernels without vectors up to nine times.

import type { Graph } from '../ir/graph.ts'
import { addInGemm } from './add-in-gemm.ts'
import { type Pass, runPasses } from './pass.ts'
import { geluByFactor } from './short-vectors/gelu-by-factor.ts'
import { narrowProducts } from './short-vectors/narrow-products.ts'
import { normalizationParts } from './short-vectors/normalization-parts.ts'

/** In the order in which they run. */
const passes: readonly Pass[] = [normalizationParts, geluByFactor, addInGemm, narrowProducts]

/** A copy of the graph with the same results up to rounding, by kernels that are fast with vectors of 128 bits. */
export const shortVectors = (graph: Graph): Graph => runPasses(graph, passes)
