// What a training step reads beside its batch and the session's tensors: the weights of the loss terms, whether a new sum
// of gradients starts, and the masks of dropout.

import { elementCount } from '@cola/graph'
import { random } from '@cola/data'
import { maskShapes, shareInput, type TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { OrtTensor, type OrtTensors } from '../runtime/ort.ts'
import { scalar } from './optimizer-step.ts'

/** How the gradients of a step are added to those before it. @param shares The weight of each loss term. */
export const accumulationInputs = (shares: readonly number[], isReset: boolean): OrtTensors => ({
  ...Object.fromEntries(shares.map((share, i) => [shareInput(i), scalar(share)])),
  lazy_reset_grad: new OrtTensor('bool', Uint8Array.of(isReset ? 1 : 0), [1]),
})

/** Dropout masks of a training step: a function of (seed, step, input), so that any step can be repeated. */
export function maskInputs(
  artifacts: TrainingArtifacts,
  symbols: ReadonlyMap<string, number>,
  seed: number,
  step: number,
): OrtTensors {
  const shapes = maskShapes(artifacts, symbols)
  return Object.fromEntries(
    artifacts.dropoutMasks.map(({ input, p }, i) => {
      const dims = shapes[i] as number[]
      const mask = random(seed, 'dropout', step, i).mask(elementCount(dims), 1 - p)
      return [input, new OrtTensor('uint8', mask, dims)]
    }),
  )
}
