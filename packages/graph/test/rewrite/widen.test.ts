import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  checkTypes,
  createGraph,
  dataTypes,
  float32ToFloat16,
  getValue,
  numberToFloat16,
  readModel,
  simplify,
  tensor,
  type Graph,
  type Value,
  widen,
  writeModel,
} from '../../src/index.ts'
import { numberToBfloat16 } from '../../src/tensor/float16.ts'
import { linear } from '../support/linear.ts'
import { of, run } from '../support/run.ts'

describe('models of other element types', () => {
  it('reads a float16 model as float32', async () => {
    const graph = createGraph('half')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [1, 2])
    const w = addInitializer(graph, 'w', tensor('float16', [2, 2], float32ToFloat16(Float32Array.of(1, 2, 3, 4.5))))
    g.node('Cast', [g.MatMul(g.Cast(x, { to: 10 }), w)], { attributes: { to: 1 }, outputs: ['y'] })
    graph.outputs = ['y']
    const wide = readModel(writeModel(graph), { widen: true })
    expect([...wide.values.values()].some(({ dtype }) => dtype === 'float16')).toBe(false)
    expect((await run(wide, { x: of('float32', [1, 2], [1, 0.1]) })).get('y')?.data ?? []).toBeAllclose([1.3, 2.45])
  })
})

describe('models in other floating-point types, widened', () => {
  /** x -> Cast -> MatMul with w -> Cast -> y, all in one type, with a mask of its least number. */
  function half(dtype: 'float16' | 'bfloat16' | 'float64'): Graph {
    const graph = createGraph(dtype)
    const g = build(graph)
    const { onnx } = dataTypes[dtype]
    const x = addInput(graph, 'x', 'float32', ['batch', 2])
    const real = addInput(graph, 'real', 'int64', ['batch', 2])
    const values = (numbers: readonly number[]) => tensor(dtype, [numbers.length], arrayOf(dtype, numbers))
    const w = addInitializer(graph, 'w', { ...values([1, 2, 3, 4.5]), dims: [2, 2] })
    const least = g.constant(
      'least',
      values([{ float16: -65504, bfloat16: -3.3895313892515355e38, float64: -Number.MAX_VALUE }[dtype]]),
    )
    const masked = g.Mul(
      g.Sub(g.ConstantOfShape(g.int64([1]), { value: values([1]) }), g.Cast(real, { to: onnx })),
      least,
    )
    g.node('Cast', [g.Softmax(g.Add(g.MatMul(g.Cast(x, { to: onnx }), w), masked))], {
      attributes: { to: 1 },
      outputs: ['y'],
    })
    g.node('Cast', [getValue(graph, 'x')], { attributes: { to: 1 }, outputs: ['same'] })
    graph.outputs = ['y', 'same']
    return graph
  }
  const arrayOf = (dtype: 'float16' | 'bfloat16' | 'float64', numbers: readonly number[]) =>
    dtype === 'float64'
      ? Float64Array.from(numbers)
      : Uint16Array.from(numbers, dtype === 'float16' ? numberToFloat16 : numberToBfloat16)

  it.each(['float16', 'bfloat16', 'float64'] as const)(
    '%s: every value is float32, masks stay finite, and Casts that do nothing are gone',
    async (dtype) => {
      const typed = half(dtype)
      const feeds = { x: of('float32', [2, 2], [1, 0.5, 0.25, -1]), real: of('int64', [2, 2], [1, 1, 1, 0]) }
      const expected = [1 / (1 + Math.exp(1.75)), 1 / (1 + Math.exp(-1.75)), 1, 0]
      for (const wide of [readModel(writeModel(typed), { widen: true }), widen(typed)]) {
        expect([...wide.values.values()].filter(({ dtype }) => dtype !== 'float32' && dtype !== 'int64')).toEqual([])
        expect(wide.nodes.filter(({ opType }) => opType === 'Cast').map(({ inputs }) => inputs[0])).toEqual(['real'])
        expect(wide.outputs).toEqual(['y', 'same'])
        checkTypes(wide)
        const results = await run(wide, feeds)
        expect(results.get('y')?.data ?? []).toBeAllclose(expected, { atol: 1e-6 })
        expect(results.get('same')?.data).toEqual([1, 0.5, 0.25, -1])
      }
      expect(typed.initializers.get('w')?.dtype).toBe(dtype)
      // bfloat16 has no kernels to compare with.
      if (dtype !== 'bfloat16')
        expect((await run(typed, feeds)).get('y')?.data ?? []).toBeAllclose(expected, { atol: 1e-3 })
    },
  )
  it('does not change a float32 model', () => {
    const graph = linear()
    expect(widen(graph)).toBe(graph)
  })
  it('reads a file with mixed types', () => {
    const graph = linear()
    graph.initializers.set('w', tensor('bfloat16', [4, 300], new Uint16Array(1200)))
    expect(() => readModel(writeModel(graph))).toThrow(
      /Gemm "layer": element types of "x" and "w" differ, expected float32, found bfloat16/,
    )
    checkTypes(readModel(writeModel(graph), { widen: true }))
  })
  it('rounds to bfloat16 as PyTorch does', () => {
    // torch.tensor([...]).bfloat16().view(torch.uint16)
    expect([1, 1.00390625, 1.01171875, -2.5, 3.4e38, -0, 1e-40].map(numberToBfloat16)).toEqual([
      0x3f80, 0x3f80, 0x3f82, 0xc020, 0x7f80, 0x8000, 0x0001,
    ])
  })
  it('keeps the names of outputs that are Casts of each other', async () => {
    const graph = createGraph('chain')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', [1])
    const [a] = g.node('Cast', [g.Neg(x)], { attributes: { to: 1 }, outputs: ['a'] })
    const [b] = g.node('Cast', [a as Value], { attributes: { to: 1 }, outputs: ['b'] })
    g.node('Neg', [b as Value], { outputs: ['c'] })
    graph.outputs = ['b', 'a', 'c']
    const simple = simplify(graph)
    expect(simple.nodes.map(({ opType }) => opType)).toEqual(['Neg', 'Identity', 'Neg'])
    checkTypes(simple)
    expect(
      Object.fromEntries(
        [...(await run(simple, { x: of('float32', [1], [2]) }))].map(([name, { data }]) => [name, data[0]]),
      ),
    ).toEqual({
      a: -2,
      b: -2,
      c: 2,
    })
  })
})
