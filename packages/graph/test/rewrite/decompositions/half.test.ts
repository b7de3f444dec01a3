// Files in float16 with fused operators, read as float32, against the runtime's float16 kernels: over the random forms of
// the sweep, within what float16 rounds.

import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  createGraph,
  type DataType,
  type Dim,
  evaluateDim,
  getValue,
  type Graph,
  lower,
  type Node,
  packMatrices,
  readModel,
  toFloat32,
  writeModel,
} from '../../../src/index.ts'
import { decompositionOf } from '../../../src/rewrite/decompose.ts'
import { of, run } from '../../support/run.ts'
import { groupQuerySweeps } from './group-query-attention.ts'
import { normalizationSweeps } from './normalizations.ts'
import { quantizedSweeps } from './quantized.ts'
import { Draw, type Sweep, type SweepCase, type SweepInput } from './sweep.ts'

/** Greatest relative error of rounding to float16. */
const unit = 2 ** -11

const int = (test: SweepCase, name: string): number => Number(test.attributes?.[name])

interface Kernel {
  readonly sweep: Sweep
  /** How far results of a form may be; numbers of all inputs are at most 1. */
  readonly tolerance: (test: SweepCase) => { atol: number; rtol: number }
}

const kernels: Readonly<Record<string, Kernel>> = {
  'com.microsoft.GroupQueryAttention': {
    sweep: groupQuerySweeps['com.microsoft.GroupQueryAttention'],
    // Scores are products of heads of 16 or 32 numbers, up to 2 where they are rotated, rounded with their bias; weights
    // err by as much as the greatest and the least score together, results by a rounding more. Keys are rounded too.
    tolerance: (test) => {
      const scale = Number(test.attributes?.scale ?? 0.25)
      const size = test.inputs[3]?.shape[3] ?? 32
      const most = scale * Number(size) * (test.attributes?.do_rotary ? 4 : 1)
      return { atol: unit * (1 + 2 * most), rtol: 2 * unit }
    },
  },
  'com.microsoft.MatMulNBits': {
    sweep: quantizedSweeps['com.microsoft.MatMulNBits'],
    // Each number of the matrix is rounded, and the sum; float32's own error is nothing beside it.
    tolerance: (test) => ({
      atol: (test.atol ?? 0) + unit * int(test, 'K') * 0.01 * 2 ** Number(test.attributes?.bits ?? 4),
      rtol: 2 * unit,
    }),
  },
  'com.microsoft.SkipSimplifiedLayerNormalization': {
    sweep: normalizationSweeps['com.microsoft.SkipSimplifiedLayerNormalization'],
    // Two sums, the root, two products: a rounding each, of numbers up to the root of the width, 24.
    tolerance: () => ({ atol: 5 * unit, rtol: 5 * unit }),
  },
  'com.microsoft.GatherBlockQuantized': {
    sweep: quantizedSweeps['com.microsoft.GatherBlockQuantized'],
    // One product, and float16's least numbers.
    tolerance: () => ({ atol: 2 ** -25, rtol: unit }),
  },
}

/** A case whose floats are numbers of float16. */
function rounded(test: SweepCase): SweepCase {
  const half = (input: SweepInput | null): SweepInput | null =>
    input?.dtype === 'float32'
      ? { ...input, values: Array.from(toFloat32(of('float16', [input.values.length], input.values))) }
      : input
  return { ...test, inputs: test.inputs.map(half) }
}

/** A file with the operator in float16: its inputs and outputs are float32, and cast; outputs have no shapes yet. */
function halfFile(name: string, test: SweepCase): { graph: Graph; feeds: Parameters<typeof run>[1] } {
  const [opType = '', domain = ''] = [name.split('.').at(-1), name.split('.').slice(0, -1).join('.')]
  const graph = createGraph('half')
  const sizes = new Map(Object.entries(test.sizes ?? {}))
  const feeds: Record<string, ReturnType<typeof of>> = {}
  const node = (operator: string, inputs: string[], outputs: string[], attributes: Node['attributes']): void => {
    graph.nodes.push({ name: `${operator}_${outputs[0]}`, opType: operator, domain: '', inputs, outputs, attributes })
  }
  const cast = (from: string, to: string, dtype: DataType, shape: readonly Dim[]): void => {
    graph.values.set(to, { name: to, dtype, shape })
    node('Cast', [from], [to], { to: dtype === 'float16' ? 10 : 1 })
  }
  const inputs = test.inputs.map((input, i) => {
    if (!input) return ''
    const dims = input.shape.map((dim) => evaluateDim(dim, sizes) as number)
    const isFloat = input.dtype === 'float32'
    if (input.constant) addInitializer(graph, `x${i}`, of(isFloat ? 'float16' : input.dtype, dims, input.values))
    else {
      addInput(graph, `x${i}`, input.dtype, input.shape)
      feeds[`x${i}`] = of(input.dtype, dims, input.values)
    }
    if (!isFloat || input.constant) return `x${i}`
    cast(`x${i}`, `h${i}`, 'float16', input.shape)
    return `h${i}`
  })
  const asked = (test.outputs ?? [true]).flatMap((is, i) => (is ? [i] : []))
  const attributeTypes = Object.fromEntries(
    Object.entries(decompositionOf({ opType, domain } as Node)?.attributes ?? {}).map(([key, [type]]) => [key, type]),
  )
  graph.nodes.push({
    ...{ name: 'fused', opType, domain, inputs, attributes: test.attributes ?? {}, attributeTypes },
    outputs: (test.outputs ?? [true]).map((is, i) => (is ? `z${i}` : '')),
  })
  for (const i of asked) {
    graph.values.set(`z${i}`, { name: `z${i}`, dtype: 'float16', shape: [] })
    cast(`z${i}`, `y${i}`, 'float32', [])
  }
  graph.outputs = asked.map((i) => `y${i}`)
  return { graph, feeds }
}

describe.each(Object.entries(kernels))('%s in float16', (name, { sweep, tolerance }) => {
  it('is read as float32, 24 forms', async () => {
    for (let seed = 0; seed < 24; seed++) {
      const test = rounded(sweep(new Draw(seed)))
      const { graph, feeds } = halfFile(name, test)
      const read = readModel(writeModel(graph), { widen: true })
      for (const output of graph.outputs) {
        const shape = getValue(read, output).shape.map((_, axis) => `${output}_${axis}`)
        for (const name of [output, output.replace('y', 'z')])
          graph.values.set(name, { ...getValue(graph, name), shape })
      }
      const expected = await run(graph, feeds)
      expect([...read.values.values()].map(({ dtype }) => dtype)).not.toContain('float16')
      const actual = await run(packMatrices(lower(read)), feeds)
      for (const output of graph.outputs) {
        const i = Number(output.slice(1))
        if (test.uncompared?.includes(i)) continue
        const [a, e] = [actual.get(output), expected.get(output)]
        expect(a?.dims).toEqual(e?.dims)
        const strides = (e?.dims ?? []).map((_, axis, dims) => dims.slice(axis + 1).reduce((x, y) => x * y, 1))
        const indices = (at: number) => strides.map((stride, axis) => Math.floor(at / stride) % (e?.dims[axis] ?? 1))
        const isReal = (_: number, at: number) => test.isReal?.(i, indices(at)) ?? true
        const [ours, theirs] = [a, e].map((result) => result?.data.filter(isReal) ?? [Number.NaN])
        expect(ours ?? [], `seed ${seed}, ${JSON.stringify(test.attributes)}, output ${i}`).toBeAllclose(
          theirs ?? [],
          tolerance(test),
        )
      }
    }
  })
})
