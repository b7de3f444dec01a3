// Every gradient rule against central finite differences in float64. The table of cases is typed by the table of rules:
// a rule without a case does not compile, and a case for a row without a rule fails.

import { describe, expect, it } from 'vitest'
import {
  addInput,
  build,
  createGraph,
  differentiate,
  gradientRules,
  lower,
  prune,
  type Builder,
  type Graph,
  type OperatorName,
  type Value,
} from '../../src/index.ts'
import { of, run } from '../support/run.ts'

interface Case {
  /** Shapes of the differentiable inputs. */
  shapes: number[][]
  /** What the operator is given; `x` are the inputs. */
  apply: (g: Builder, x: Value[]) => Value
  /** Range of the inputs. @default [-2, 2] */
  range?: [number, number]
  /** Distinct numbers far apart, for operators with kinks. @default false */
  spaced?: boolean
  /** float32 where the runtime has no float64 kernel, with coarser steps. @default 'float64' */
  dtype?: 'float32'
}

const unary = (name: OperatorName, options: Partial<Case> = {}): Case[] => [
  { shapes: [[2, 3]], apply: (g, [x]) => g[name](x as Value), ...options },
]

const binary = (name: OperatorName, options: Partial<Case> = {}): Case[] => {
  const apply: Case['apply'] = (g, [a, b]) => g[name](a as Value, b as Value)
  return [
    [
      [2, 3],
      [2, 3],
    ],
    [[2, 3], [3]],
    [
      [2, 1],
      [1, 3],
    ],
    [[3], [2, 1]],
  ].map((shapes) => ({ shapes, apply, ...options }))
}

const reduction = (name: OperatorName, options: Partial<Case> = {}): Case[] => [
  { shapes: [[2, 3, 2]], apply: (g, [x]) => g[name](x as Value, g.int64([1])), ...options },
  { shapes: [[2, 3]], apply: (g, [x]) => g[name](x as Value, g.int64([-1]), { keepdims: 0 }), ...options },
  { shapes: [[2, 3]], apply: (g, [x]) => g[name](x as Value, { keepdims: 0 }), ...options },
]

const positive: Partial<Case> = { range: [0.5, 2] }
const indices = (g: Builder, dims: number[], values: number[]) => g.constant('indices', of('int64', dims, values))
const sized = (g: Builder, values: number[]) => g.int64(values)

type Differentiable = {
  [Name in OperatorName]: (typeof gradientRules)[Name] extends 'none' | 'unsupported' ? never : Name
}[OperatorName]

const cases: Partial<Record<Differentiable, Case[]>> = {
  Add: binary('Add'),
  Sub: binary('Sub'),
  Mul: binary('Mul'),
  Div: binary('Div', positive),
  Pow: [
    ...binary('Pow', positive),
    ...[2, 3, -0.5].map(
      (p): Case => ({
        shapes: [[2, 3]],
        apply: (g, [x]) => g.Pow(x as Value, g.scalar(p, (x as Value).dtype)),
        ...positive,
      }),
    ),
  ],
  Sum: [{ shapes: [[2, 3], [3], [2, 1]], apply: (g, x) => g.Sum(...x) }],
  Max: binary('Max', { spaced: true }),
  Min: binary('Min', { spaced: true }),
  Neg: unary('Neg'),
  Abs: unary('Abs', { spaced: true }),
  Sqrt: unary('Sqrt', positive),
  Exp: unary('Exp'),
  Log: unary('Log', positive),
  Sin: unary('Sin'),
  Cos: unary('Cos', { dtype: 'float32' }),
  Tanh: unary('Tanh'),
  Sigmoid: unary('Sigmoid'),
  Relu: unary('Relu', { spaced: true }),
  LeakyRelu: unary('LeakyRelu', { spaced: true, dtype: 'float32' }),
  Softplus: unary('Softplus', { dtype: 'float32' }),
  Erf: unary('Erf', { dtype: 'float32' }),
  Reciprocal: unary('Reciprocal', positive),
  // float32: the runtime fuses it to an operator without a float64 kernel.
  Swish: unary('Swish', { dtype: 'float32' }),
  Gelu: [
    { shapes: [[2, 3]], apply: (g, [x]) => g.Gelu(x as Value, { approximate: 'tanh' }), dtype: 'float32' },
    { shapes: [[2, 3]], apply: (g, [x]) => g.Gelu(x as Value), dtype: 'float32' },
  ],
  Identity: unary('Identity'),
  RunAfter: [
    { shapes: [[2, 3]], apply: (g, [x]) => g.RunAfter(x as Value) },
    { shapes: [[2, 3]], apply: (g, [x]) => g.RunAfter(x as Value, g.Exp(x as Value)) },
  ],
  Clip: [
    {
      shapes: [[2, 3]],
      spaced: true,
      apply: (g, [x]) => g.Clip(x as Value, g.scalar(-0.9, (x as Value).dtype), g.scalar(0.9, (x as Value).dtype)),
    },
  ],
  Where: [
    {
      shapes: [[2, 3], [3]],
      apply: (g, [a, b]) => g.Where(g.constant('condition', of('bool', [2, 1], [1, 0])), a as Value, b as Value),
    },
  ],
  Cast: [{ shapes: [[2, 3]], apply: (g, [x]) => g.Cast(x as Value, { to: 11 }) }],
  MatMul: [
    [
      [2, 3],
      [3, 4],
    ],
    [
      [2, 2, 3],
      [3, 4],
    ],
    [
      [2, 2, 3],
      [2, 3, 2],
    ],
    [
      [2, 3, 2],
      [1, 2, 2],
    ],
    [[3], [3]],
    [[3], [3, 2]],
    [[2, 3], [3]],
    [
      [2, 3],
      [2, 3, 2],
    ],
  ].map((shapes) => ({ shapes, apply: (g, [a, b]) => g.MatMul(a as Value, b as Value) })),
  Conv: (
    [
      [[2, 2, 5], [3, 2, 3], [3], {}],
      [[2, 2, 6], [3, 2, 3], [3], { pads: [1, 1], strides: [2] }],
      [[1, 4, 7], [4, 2, 2], [4], { group: 2, dilations: [2], pads: [0, 2] }],
      [[2, 3, 8], [3, 1, 3], [3], { group: 3, strides: [3], pads: [2, 0] }],
      [[1, 2, 5, 6], [2, 2, 2, 3], [2], { strides: [2, 1], pads: [1, 0, 0, 2] }],
      [[2, 1, 7, 6], [2, 1, 3, 2], [2], { strides: [3, 4], dilations: [1, 2] }],
      [[2, 4, 2], [4, 2, 1], [4], { group: 2, strides: [4], pads: [2, 0] }],
      [[1, 2, 1, 5], [2, 2, 2, 1], [2], { strides: [3, 4], pads: [3, 1, 2, 0] }],
      [[1, 2, 6], [2, 2, 3], [2], { auto_pad: 'SAME_UPPER' }],
      [[1, 2, 6], [2, 2, 4], [2], { auto_pad: 'SAME_LOWER' }],
      [[1, 2, 6], [2, 2, 4], [2], { auto_pad: 'VALID', strides: [2] }],
    ] as const
  ).map(([x, w, b, attributes]) => ({
    shapes: [[...x], [...w], [...b]],
    apply: (g, values) => g.Conv(...values, attributes),
    dtype: 'float32',
  })),
  Einsum: (
    [
      ['ij,jk->ik', [2, 3], [3, 2]],
      ['bqd,bkd->bqk', [2, 2, 3], [2, 3, 3]],
      ['ij,ij,j->i', [2, 3], [2, 3], [3]],
      ['ijk->ki', [2, 3, 2]],
      ['ij,k->j', [2, 3], [2]],
      ['ij,iu->ij', [2, 3], [2, 1]],
    ] as const
  ).map(
    ([equation, ...shapes]): Case => ({
      shapes: shapes.map((shape) => [...shape]),
      apply: (g, x) => g.Einsum(...x, { equation }),
    }),
  ),
  Gemm: [0, 1].flatMap((transA) =>
    [0, 1].map(
      (transB): Case => ({
        shapes: [transA ? [3, 2] : [2, 3], transB ? [4, 3] : [3, 4], [4]],
        apply: (g, [a, b, c]) => g.Gemm(a as Value, b as Value, c as Value, { transA, transB, alpha: 0.5, beta: 2 }),
      }),
    ),
  ),
  Reshape: [{ shapes: [[2, 6]], apply: (g, [x]) => g.Reshape(x as Value, sized(g, [3, -1])) }],
  Squeeze: [{ shapes: [[2, 1, 3]], apply: (g, [x]) => g.Squeeze(x as Value, sized(g, [1])) }],
  Unsqueeze: [{ shapes: [[2, 3]], apply: (g, [x]) => g.Unsqueeze(x as Value, sized(g, [0, 3])) }],
  Flatten: [{ shapes: [[2, 3, 2]], apply: (g, [x]) => g.Flatten(x as Value, { axis: 2 }) }],
  Transpose: [
    { shapes: [[2, 3, 4]], apply: (g, [x]) => g.Transpose(x as Value, { perm: [2, 0, 1] }) },
    { shapes: [[2, 3]], apply: (g, [x]) => g.Transpose(x as Value) },
  ],
  Expand: [{ shapes: [[2, 1]], apply: (g, [x]) => g.Expand(x as Value, sized(g, [3, 2, 4])) }],
  Tile: [{ shapes: [[2, 3]], apply: (g, [x]) => g.Tile(x as Value, sized(g, [2, 3])) }],
  Concat: [
    {
      shapes: [
        [2, 3],
        [2, 1],
      ],
      apply: (g, x) => g.Concat(...x, { axis: -1 }),
    },
  ],
  Split: [
    {
      shapes: [[2, 5]],
      apply: (g, [x]) => {
        const [a, b] = g.node('Split', [x as Value, sized(g, [2, 3])], { attributes: { axis: 1 }, outputCount: 2 }) as [
          Value,
          Value,
        ]
        return g.Concat(g.Mul(a, a), g.Exp(b), { axis: 1 })
      },
    },
    {
      shapes: [[4, 2]],
      apply: (g, [x]) => g.node('Split', [x as Value, sized(g, [1, 3])], { outputCount: 2 })[1] as Value,
    },
  ],
  Slice: [
    {
      shapes: [[4, 5]],
      apply: (g, [x]) => g.Slice(x as Value, sized(g, [1, -1]), sized(g, [3, -5]), sized(g, [0, 1]), sized(g, [1, -2])),
    },
  ],
  Pad: [
    { shapes: [[2, 3]], apply: (g, [x]) => g.Pad(x as Value, sized(g, [1, 0, 0, 2])) },
    // As torch.nn.functional.pad(x, (0, 0, 1, -1)), a shift by one token.
    { shapes: [[1, 4, 2]], apply: (g, [x]) => g.Pad(x as Value, sized(g, [0, 1, 0, 0, -1, 0])) },
    { shapes: [[2, 5]], apply: (g, [x]) => g.Pad(x as Value, sized(g, [-2, 1]), null, sized(g, [1])) },
  ],
  Trilu: [0, 1].map((upper): Case => ({ shapes: [[3, 3]], apply: (g, [x]) => g.Trilu(x as Value, { upper }) })),
  Gather: [
    { shapes: [[4, 3]], apply: (g, [x]) => g.Gather(x as Value, indices(g, [2, 2], [1, 3, 1, 0])) },
    { shapes: [[2, 4, 3]], apply: (g, [x]) => g.Gather(x as Value, indices(g, [3], [2, 0, 2]), { axis: 1 }) },
  ],
  GatherElements: [
    {
      shapes: [[3, 3]],
      apply: (g, [x]) => g.GatherElements(x as Value, indices(g, [2, 3], [0, 2, 1, 0, 0, 2]), { axis: 0 }),
    },
  ],
  GatherND: [{ shapes: [[3, 2]], apply: (g, [x]) => g.GatherND(x as Value, indices(g, [2, 1], [2, 0])) }],
  ScatterElements: ['none', 'add'].map(
    (reduction): Case => ({
      shapes: [
        [3, 2],
        [1, 2],
      ],
      apply: (g, [x, u]) =>
        g.ScatterElements(x as Value, indices(g, [1, 2], [2, 0]), u as Value, { axis: 0, reduction }),
    }),
  ),
  ScatterND: ['none', 'add'].map(
    (reduction): Case => ({
      shapes: [
        [3, 2],
        [2, 2],
      ],
      apply: (g, [x, u]) => g.ScatterND(x as Value, indices(g, [2, 1], [2, 0]), u as Value, { reduction }),
    }),
  ),
  ReduceSum: reduction('ReduceSum'),
  ReduceMean: reduction('ReduceMean'),
  ReduceMax: reduction('ReduceMax', { spaced: true }),
  ReduceMin: reduction('ReduceMin', { spaced: true }),
  ReduceL1: reduction('ReduceL1', { spaced: true, dtype: 'float32' }),
  ReduceL2: reduction('ReduceL2', { dtype: 'float32' }),
  ReduceSumSquare: reduction('ReduceSumSquare'),
  ReduceLogSumExp: reduction('ReduceLogSumExp'),
  CumSum: [
    {
      shapes: [[2, 4]],
      apply: (g, [x]) => g.CumSum(x as Value, g.constant('axis', of('int64', [], [1])), { exclusive: 1 }),
    },
  ],
  Softmax: [
    { shapes: [[2, 4]], apply: (g, [x]) => g.Softmax(x as Value, { axis: -1 }) },
    { shapes: [[3, 2]], apply: (g, [x]) => g.Softmax(x as Value, { axis: 0 }) },
  ],
  LogSoftmax: [{ shapes: [[2, 4]], apply: (g, [x]) => g.LogSoftmax(x as Value, { axis: -1 }) }],
  RMSNormalization: [
    {
      shapes: [[2, 4], [4]],
      apply: (g, [x, w]) => g.RMSNormalization(x as Value, w as Value, { axis: -1, epsilon: 1e-3 }),
    },
    {
      shapes: [
        [2, 3, 2],
        [3, 2],
      ],
      apply: (g, [x, w]) => g.RMSNormalization(x as Value, w as Value, { axis: 1, epsilon: 1e-3 }),
    },
  ],
  LayerNormalization: [
    {
      shapes: [[2, 4], [4], [4]],
      apply: (g, [x, w, b]) => g.LayerNormalization(x as Value, w as Value, b as Value, { axis: -1, epsilon: 1e-3 }),
    },
  ],
}

const withRule = (Object.keys(gradientRules) as OperatorName[]).filter(
  (name) => typeof gradientRules[name] === 'function',
)

/**
 * Deterministic numbers of a range; `spaced` ones differ by at least 0.15 from each other and from the kinks at 0 and
 * ±0.9.
 */
function numbers(count: number, salt: number, [low, high]: [number, number], spaced: boolean): number[] {
  if (spaced)
    return Array.from({ length: count }, (_, i) => (((i * 7 + salt * 3) % 13) - 6) * 0.31 + 0.17 + salt * 0.05)
  return Array.from(
    { length: count },
    (_, i) => low + ((high - low) * (((Math.sin(12.9898 * (i + 1) + 78.233 * (salt + 1)) * 43758.5453) % 1) + 1)) / 2,
  )
}

/** loss = sum(output * fixed weights), so that every element of the gradient is told apart. */
function graphOf({ shapes, apply }: Case, dtype: 'float32' | 'float64'): { graph: Graph; inputs: string[] } {
  const graph = createGraph('check')
  const g = build(graph)
  const x = shapes.map((shape, i) => addInput(graph, `x${i}`, dtype, shape))
  const cast = apply(g, x)
  const y = cast.dtype === dtype ? cast : g.Cast(cast, { to: dtype === 'float64' ? 11 : 1 })
  const size = y.shape.reduce<number>((a, b) => a * (b as number), 1)
  const weights = g.constant('weights', of(dtype, y.shape as number[], numbers(size, 9, [-1, 1], false)))
  g.node('ReduceSum', [g.Mul(y, weights)], { attributes: { keepdims: 0 }, outputs: ['loss'] })
  graph.outputs = ['loss']
  return { graph, inputs: x.map(({ name }) => name) }
}

async function check(test: Case): Promise<void> {
  const dtype = test.dtype ?? 'float64'
  const step = dtype === 'float64' ? 1e-5 : 2e-2
  const points = test.shapes.map((shape, i) =>
    numbers(
      shape.reduce((a, b) => a * b, 1),
      i,
      test.range ?? [-2, 2],
      test.spaced ?? false,
    ),
  )
  const { graph, inputs } = graphOf(test, dtype)
  const gradients = differentiate(graph, { loss: 'loss', wrt: inputs })
  graph.outputs = ['loss', ...inputs.map((name) => gradients.get(name)?.name as string)]
  const lowered = lower(graph)
  prune(lowered)
  const feeds = (values: number[][]) =>
    Object.fromEntries(inputs.map((name, i) => [name, of(dtype, test.shapes[i] as number[], values[i] as number[])]))
  const analytic = await run(lowered, feeds(points))
  const forward = graphOf(test, dtype).graph
  const plain = lower(forward)
  prune(plain)
  for (let i = 0; i < inputs.length; i++) {
    const gradient = analytic.get(gradients.get(inputs[i] as string)?.name as string)
    expect(gradient?.dims, `shape of d${inputs[i]}`).toEqual(test.shapes[i])
    const numeric: number[] = []
    for (let k = 0; k < (points[i] as number[]).length; k++) {
      const at = async (shift: number) => {
        const moved = points.map((values, j) => values.map((value, l) => (j === i && l === k ? value + shift : value)))
        return ((await run(plain, feeds(moved))).get('loss')?.data[0] ?? Number.NaN) as number
      }
      numeric.push(((await at(step)) - (await at(-step))) / (2 * step))
    }
    const tolerance = dtype === 'float64' ? { atol: 1e-7, rtol: 1e-6 } : { atol: 3e-3, rtol: 3e-3 }
    expect(gradient?.data ?? []).toBeAllclose(numeric, tolerance)
  }
}

describe('gradient rules against finite differences', () => {
  it('cover the whole table', () => {
    expect(Object.keys(cases).sort()).toEqual([...withRule].sort())
  })
  for (const [name, list] of Object.entries(cases)) {
    list.forEach((test, i) => {
      it(`${name} ${i + 1}: ${test.shapes.map((shape) => `[${shape}]`).join(' ')}`, () => check(test))
    })
  }
})
