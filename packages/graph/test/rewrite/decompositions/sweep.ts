// A sweep over random forms of an operator: its decomposition against the runtime's own kernel.

import { expect } from 'vitest'
import { withoutKernel } from '../../../../../tools/kernels.ts'
import {
  addInitializer,
  addInput,
  type Attributes,
  build,
  createGraph,
  type DataType,
  deviceIntegers,
  differentiate,
  type Dim,
  evaluateDim,
  type Graph,
  getValue,
  lower,
  type Node,
  packMatrices,
  prune,
} from '../../../src/index.ts'
import { decompose, decompositionOf } from '../../../src/rewrite/decompose.ts'
import { of, run } from '../../support/run.ts'

/** Random numbers that a seed determines (mulberry32). */
export class Draw {
  #state: number
  constructor(seed: number) {
    this.#state = seed
  }
  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  /** A whole number from `low` to `high`, both included. */
  int(low: number, high: number): number {
    return low + Math.floor(this.uniform() * (high - low + 1))
  }
  pick<Item>(items: readonly Item[]): Item {
    return items[this.int(0, items.length - 1)] as Item
  }
  flag(): boolean {
    return this.uniform() < 0.5
  }
  floats(count: number, scale = 1): number[] {
    return Array.from({ length: count }, () => scale * (2 * this.uniform() - 1))
  }
}

export interface SweepInput {
  readonly dtype: DataType
  /** Sizes; a symbol is an unknown size, as in files, whose value is in `sizes` of the case. */
  readonly shape: readonly Dim[]
  readonly values: readonly number[]
  /** An initializer of the graph. @default false */
  readonly constant?: boolean
}

export interface SweepCase {
  readonly attributes?: Attributes
  /** null: omitted. */
  readonly inputs: readonly (SweepInput | null)[]
  /** The outputs that are asked for. @default [true] */
  readonly outputs?: readonly boolean[]
  /** Outputs that the node has and that are not compared. */
  readonly uncompared?: readonly number[]
  /** Sizes of the symbols in shapes. */
  readonly sizes?: Readonly<Record<string, number>>
  /** @default 20 */
  readonly opset?: number
  /** How far numbers of the runtime may be, where it rounds more coarsely than float32. @default 1e-5 */
  readonly atol?: number
  /** Whether an element of an output is specified. @default all are */
  readonly isReal?: (output: number, indices: readonly number[]) => boolean
  /** Whether an input is data to differentiate by: @default float inputs that are no constants */
  readonly isConstant?: readonly number[]
}

/** A random form of an operator. */
export type Sweep = (draw: Draw) => SweepCase

const sizesOf = ({ sizes = {} }: SweepCase): Map<string, number> => new Map(Object.entries(sizes))

/** A float32 input of random numbers. */
export function floats(
  draw: Draw,
  shape: readonly Dim[],
  sizes: Readonly<Record<string, number>> = {},
  options: { scale?: number; constant?: boolean } = {},
): SweepInput {
  const symbols = new Map(Object.entries(sizes))
  const count = shape.reduce<number>((product, dim) => product * (evaluateDim(dim, symbols) as number), 1)
  return {
    dtype: 'float32',
    shape,
    values: draw.floats(count, options.scale),
    ...(options.constant ? { constant: true } : {}),
  }
}

/** The graph of one node whose inputs are the graph's. */
function graphOf(name: string, test: SweepCase): { graph: Graph; node: Node } {
  const [, domain, opType] = /^(?:(.*)\.)?(\w+)$/.exec(name) as unknown as [string, string | undefined, string]
  const graph = createGraph('sweep')
  test.inputs.forEach((input, i) => {
    if (!input) return
    if (input.constant) addInitializer(graph, `x${i}`, of(input.dtype, dimsOf(input, test), input.values))
    else addInput(graph, `x${i}`, input.dtype, input.shape)
  })
  const inputs = test.inputs.map((input, i) => (input ? `x${i}` : ''))
  const outputs = (test.outputs ?? [true]).map((asked, i) => (asked ? `y${i}` : ''))
  graph.outputs = outputs.filter((output) => output !== '')
  const node: Node = { name: 'fused', opType, domain: domain ?? '', inputs, outputs, attributes: test.attributes ?? {} }
  return { graph, node }
}

const dimsOf = ({ shape }: SweepInput, test: SweepCase): number[] =>
  shape.map((dim) => evaluateDim(dim, sizesOf(test)) as number)

const feedsOf = (test: SweepCase) =>
  Object.fromEntries(
    test.inputs.flatMap((input, i) =>
      input && !input.constant ? [[`x${i}`, of(input.dtype, dimsOf(input, test), input.values)]] : [],
    ),
  )

/** The file's graph: the node as it is, for the runtime. */
function fusedGraph({ graph, node }: { graph: Graph; node: Node }, test: SweepCase, typed: Graph): Graph {
  const row = decompositionOf(node)
  const attributeTypes = Object.fromEntries(
    Object.entries(row?.attributes ?? {}).map(([attribute, [type]]) => [attribute, type]),
  )
  const values = new Map([...graph.values, ...graph.outputs.map((name) => [name, getValue(typed, name)] as const)])
  // The domain of operators of old sets exists in this library only.
  const domain = node.domain.startsWith('ai.onnx') ? '' : node.domain
  return { ...graph, opset: test.opset ?? graph.opset, values, nodes: [{ ...node, domain, attributeTypes }] }
}

/**
 * Compares a decomposition with the runtime's kernel: every specified number of every output, their shapes, and the
 * inferred shapes; its nodes have kernels on WebGPU; its gradient is that of the numbers.
 */
export async function check(name: string, test: SweepCase): Promise<void> {
  const fused = graphOf(name, test)
  const decomposed = graphOf(name, test).graph
  expect(decompose(build(decomposed), fused.node)).toBe(true)
  const feeds = feedsOf(test)
  const expected = await run(fusedGraph(fused, test, decomposed), feeds)
  const runnable = packMatrices(lower(decomposed))
  prune(runnable)
  const actual = await run(runnable, feeds)
  fused.node.outputs.forEach((output, i) => {
    if (output === '' || test.uncompared?.includes(i)) return
    const [a, e] = [actual.get(output), expected.get(output)]
    expect(a?.dims, `shape of output ${i}`).toEqual(e?.dims)
    const inferred = getValue(decomposed, output).shape.map((dim) => evaluateDim(dim, sizesOf(test)) ?? dim)
    inferred.forEach((dim, axis) => {
      if (typeof dim === 'number') expect(dim, `inferred shape of output ${i}`).toBe(e?.dims[axis])
    })
    const isReal = realElements(test, i, e?.dims ?? [])
    expect(a?.data.filter(isReal) ?? []).toBeAllclose(e?.data.filter(isReal) ?? [Number.NaN], {
      atol: test.atol ?? 1e-5,
      rtol: 1e-4,
    })
  })
  expect(withoutKernel(deviceIntegers(runnable), 'webgpu'), 'operators without a kernel on WebGPU').toEqual([])
  await checkGradient(decomposed, test, feeds, expected.get(fused.node.outputs[0] as string)?.dims ?? [])
}

/** Whether the element at a flat index is specified. */
function realElements(test: SweepCase, output: number, dims: readonly number[]): (_: number, at: number) => boolean {
  if (!test.isReal) return () => true
  return (_, at) => {
    const indices: number[] = []
    for (const size of dims.toReversed()) {
      indices.unshift(at % size)
      at = Math.floor(at / size)
    }
    return (test.isReal as NonNullable<typeof test.isReal>)(output, indices)
  }
}

type Feeds = ReturnType<typeof feedsOf>

/** The derivative along one direction, from the gradient and from finite differences. */
async function checkGradient(decomposed: Graph, test: SweepCase, feeds: Feeds, dims: readonly number[]): Promise<void> {
  const [output] = decomposed.outputs as [string]
  const wrt = decomposed.inputs.filter(
    (input) => feeds[input]?.dtype === 'float32' && !test.isConstant?.includes(Number(input.slice(1))),
  )
  if (wrt.length === 0) return
  const plain = graphWithLoss(decomposed, test, output, dims)
  const graph = graphWithLoss(decomposed, test, output, dims)
  const gradients = differentiate(graph, { loss: 'loss', wrt })
  graph.outputs = wrt.map((input) => gradients.get(input)?.name as string)
  const lowered = packMatrices(lower(graph))
  prune(lowered)
  const analytic = await run(lowered, feeds)
  const draw = new Draw(1)
  const directions = new Map(wrt.map((input) => [input, draw.floats(sizeOf(feeds, input))]))
  const slope = wrt.reduce((sum, input) => {
    const gradient = analytic.get(gradients.get(input)?.name as string)?.data ?? []
    return sum + gradient.reduce((total, d, i) => total + d * (directions.get(input)?.[i] as number), 0)
  }, 0)
  const step = 4e-3
  const lossAt = async (shift: number): Promise<number> => {
    const moved = Object.fromEntries(
      Object.entries(feeds).map(([input, value]) => {
        const direction = directions.get(input)
        if (!direction) return [input, value]
        const floats = test.inputs[Number(input.slice(1))]?.values as readonly number[]
        return [
          input,
          of(
            'float32',
            value.dims,
            floats.map((x, i) => x + shift * (direction[i] as number)),
          ),
        ]
      }),
    )
    const runnable = packMatrices(lower(plain))
    prune(runnable)
    return (await run(runnable, moved)).get('loss')?.data[0] as number
  }
  const numeric = ((await lossAt(step)) - (await lossAt(-step))) / (2 * step)
  expect([slope], 'derivative along a direction').toBeAllclose([numeric], { atol: 2e-2, rtol: 2e-2 })
}

const sizeOf = (feeds: Feeds, input: string): number => (feeds[input]?.dims ?? []).reduce((a, b) => a * b, 1)

/** A copy with the scalar `loss`: the sum of the specified elements of an output, each with a weight of its own. */
function graphWithLoss(decomposed: Graph, test: SweepCase, output: string, dims: readonly number[]): Graph {
  const graph: Graph = {
    ...decomposed,
    nodes: [...decomposed.nodes],
    initializers: new Map(decomposed.initializers),
    values: new Map(decomposed.values),
    outputs: ['loss'],
  }
  const y = getValue(graph, output)
  const count = dims.reduce((a, b) => a * b, 1)
  const isReal = realElements(test, Number(output.slice(1)), dims)
  const weights = Array.from({ length: count }, (_, i) => (isReal(0, i) ? Math.sin(1.7 * i) : 0))
  const g = build(graph)
  g.node('ReduceSum', [g.Mul(y, g.constant('weights', of('float32', dims, weights)))], {
    attributes: { keepdims: 0 },
    outputs: ['loss'],
  })
  return graph
}
