// The passes for devices that pay for each kernel: on a GPU a small operator takes as long to start as to run.

import { requireKind } from '../door.ts'
import type { Graph } from '../ir/graph.ts'
import { addInGemm } from './add-in-gemm.ts'
import { einsumProducts } from './fewer-kernels/einsum-products.ts'
import { geluGradients } from './fewer-kernels/gelu-gradient.ts'
import { joinFactors } from './fewer-kernels/join-factors.ts'
import { layerNormGradients } from './fewer-kernels/layer-norm-gradient.ts'
import { scaledSums } from './fewer-kernels/scaled-sums.ts'
import { smallRewrites } from './fewer-kernels/small-rewrites.ts'
import { splitBlocks } from './fewer-kernels/split-blocks.ts'
import { lower } from './lower.ts'
import { inOrder, type Pass, withoutUnused } from './pass.ts'
import { skipLayerNorm } from './skip-layer-norm.ts'

/** In the order in which they run. */
const passes: readonly Pass[] = [
  lower,
  splitBlocks,
  einsumProducts,
  layerNormGradients,
  geluGradients,
  smallRewrites,
  scaledSums,
  joinFactors,
  addInGemm,
  skipLayerNorm,
  withoutUnused,
]

/**
 * A copy of the graph with fewer kernels and the same results up to rounding, by operators that the WebGPU provider of
 * ONNX Runtime has: Einsum, Gemm as a scaled sum, Split, SkipLayerNormalization.
 */
export const fewerKernels = (graph: Graph): Graph => {
  requireKind('fewerKernels, graph', graph, 'graph')
  return inOrder(graph, passes)
}
