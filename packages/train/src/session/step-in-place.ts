// Takes the optimizer model's steps in the arrays of parameters and state.

import type { Graph } from '@cola/graph'
import { openElementwise } from '../runtime/elementwise/open-elementwise.ts'
import type { OrtTensors } from '../runtime/ort.ts'
import type { OptimizerStep } from './optimizer-step.ts'

/** Compiles the optimizer model; undefined when its operators are not all elementwise. */
export async function openInPlace(optimizerModel: Graph): Promise<OptimizerStep | undefined> {
  const replaced = new Map(optimizerModel.outputs.map((name) => [name, name.replace(/\.out$/, '')]))
  const run = await openElementwise(optimizerModel, replaced)
  return (
    run && {
      async run(updated, gradients, numbers) {
        const tensors = Object.entries<OrtTensors[string]>(Object.assign({}, ...updated, gradients))
        run(Object.fromEntries(tensors.map(([name, { data }]) => [name, data as Float32Array])), numbers)
      },
      release: async () => undefined,
    }
  )
}
