// The three cells, as PyTorch computes them. https://pytorch.org/docs/stable/generated/torch.nn.RNN.html, GRU.html,
// LSTM.html

import type { Builder, Value } from '@cola/graph'

/** Names of recurrent cells: PyTorch's, in lower case. */
export type CellName = 'rnn' | 'gru' | 'lstm'

/** A row of the table of recurrent cells. */
export interface Cell {
  /** Rows of the weights, in multiples of the hidden size. */
  readonly gates: number
  /** Tensors that go from step to step: the hidden state first. */
  readonly states: number
  /**
   * Whether the gates see only the sum of what comes from the input and from the hidden state, so that one Gemm makes
   * both.
   */
  readonly summed: boolean
  /**
   * One step. `x`: W_ih x + b_ih [rows, gates * hidden], with W_hh h + b_hh added to it where `summed`; `h`: that
   * product on its own otherwise. `states` is undefined at the first step, where they are zero.
   */
  readonly step: (
    g: Builder,
    gates: { x: Value; h: Value | undefined },
    states: readonly Value[] | undefined,
  ) => Value[]
}

const split = (g: Builder, value: Value, parts: number): Value[] =>
  g.node('Split', [value], { attributes: { axis: 1, num_outputs: parts }, outputCount: parts })

/** h' = n + z (h - n): the update gate mixes the candidate with the old state. */
const mix = (g: Builder, z: Value, n: Value, h: Value | undefined): Value =>
  h ? g.Add(n, g.Mul(z, g.Sub(h, n))) : g.Sub(n, g.Mul(z, n))

/** The table of recurrent cells. */
export const cells: Readonly<Record<CellName, Cell>> = {
  rnn: { gates: 1, states: 1, summed: true, step: (g, { x }) => [g.Tanh(x)] },
  gru: {
    gates: 3,
    states: 1,
    summed: false,
    step: (g, { x, h }, states) => {
      const [xr, xz, xn] = split(g, x, 3) as [Value, Value, Value]
      const [hr, hz, hn] = split(g, h as Value, 3) as [Value, Value, Value]
      const n = g.Tanh(g.Add(xn, g.Mul(g.Sigmoid(g.Add(xr, hr)), hn)))
      return [mix(g, g.Sigmoid(g.Add(xz, hz)), n, states?.[0])]
    },
  },
  lstm: {
    gates: 4,
    states: 2,
    summed: true,
    step: (g, { x }, states) => {
      const [i, f, candidate, o] = split(g, x, 4) as [Value, Value, Value, Value]
      const fresh = g.Mul(g.Sigmoid(i), g.Tanh(candidate))
      const c = states ? g.Add(g.Mul(g.Sigmoid(f), states[1] as Value), fresh) : fresh
      return [g.Mul(g.Sigmoid(o), g.Tanh(c)), c]
    },
  },
}
