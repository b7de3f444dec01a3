// Rows of recurrent operators, for exported models: CPU and CUDA have kernels for all, WebGPU for LSTM and GRU.
// Training unrolls them (@cola/rnn).

import { ShapeError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import { input, int, type InferContext, type Operator, type OutputType } from './operator.ts'

/** Y [sequence, directions, batch, hidden] and the last states [directions, batch, hidden]. */
function recurrent(c: InferContext, states: number): OutputType[] {
  const [x, recurrence] = [input(c, 0), input(c, 2)]
  if (x.shape.length !== 3 || recurrence.shape.length !== 3)
    throw new ShapeError({
      where: c.where,
      what: 'needs X and R of rank 3',
      found: `[${x.shape}] and [${recurrence.shape}]`,
    })
  const [sequence, batch] = int(c, 'layout') ? [x.shape[1], x.shape[0]] : x.shape
  const [directions, , hidden] = recurrence.shape as [Dim, Dim, Dim]
  const last: OutputType = { dtype: x.dtype, shape: [directions, batch as Dim, hidden] }
  return [
    { dtype: x.dtype, shape: [sequence as Dim, directions, batch as Dim, hidden] },
    ...Array.from({ length: states }, () => last),
  ]
}

const attributes: Operator['attributes'] = {
  hidden_size: ['int'],
  direction: ['string', 'forward'],
  layout: ['int', 0],
  clip: ['float'],
  activations: ['strings'],
  activation_alpha: ['floats'],
  activation_beta: ['floats'],
}

/** All inputs except sequence_lens. */
const same = [0, 1, 2, 3, 5, 6, 7]

export const recurrents = {
  RNN: { inputs: [3, 6], attributes, same, infer: (c) => recurrent(c, 1) },
  GRU: {
    inputs: [3, 6],
    attributes: { ...attributes, linear_before_reset: ['int', 0] },
    same,
    infer: (c) => recurrent(c, 1),
  },
  LSTM: {
    inputs: [3, 8],
    attributes: { ...attributes, input_forget: ['int', 0] },
    same,
    infer: (c) => recurrent(c, 2),
  },
} satisfies Record<string, Operator>
