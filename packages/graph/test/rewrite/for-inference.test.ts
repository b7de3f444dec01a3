// The form in which decoders generate: as few nodes as the files of onnxruntime-genai's builder have, and the same
// numbers.

import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  build,
  type Builder,
  createGraph,
  float32,
  foldLinear,
  forInference,
  type Graph,
  packMatrices,
  quantizeProducts,
  type Value,
} from '../../src/index.ts'
import { count, sameNumbers, values } from '../support/rewrites.ts'
import { of } from '../support/run.ts'

const [batch, sequence, heads, groups, size] = [2, 3, 4, 2, 8] as const
const width = heads * size

interface Form {
  bias?: boolean
  /** Something else than the attention reads the keys. */
  shared?: boolean
  /** Normalizes queries head by head, as Qwen3 does. */
  normalized?: boolean
}

const linear = (g: Builder, x: Value, name: string, out: number, bias = false): Value => {
  const w = addInitializer(g.graph, `layer.${name}.weight`, float32([out, width], values(width * out, out)))
  const product = g.MatMul(x, g.Transpose(w, { perm: [1, 0] }))
  return bias ? g.Add(product, addInitializer(g.graph, `layer.${name}.bias`, float32([out], values(out, 5)))) : product
}

/** A layer of a decoder as exporters write it: x [batch, sequence, width], and a cache. */
function decoder({ bias = false, shared = false, normalized = false }: Form = {}): Graph {
  const graph = createGraph('decoder')
  graph.opset = 23
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', ['batch', 'sequence', width])
  const past = ['key', 'value'].map((name) =>
    addInput(graph, `past.${name}`, 'float32', ['batch', groups, 'past', size]),
  )
  const lengths = [addInput(graph, 'lengths', 'int32', ['batch']), addInput(graph, 'total', 'int32', [])]
  const scale = (name: string, n: number) => addInitializer(graph, name, float32([n], values(n, 2)))
  const norm = (value: Value, name: string) => g.RMSNormalization(value, scale(name, width), { axis: -1 })
  const states = norm(x, 'first')
  const query = linear(g, states, 'q_proj', width, bias)
  const perHead = () => g.RMSNormalization(g.Reshape(query, g.int64([0, 0, -1, size])), scale('q', size), { axis: -1 })
  const q = normalized ? g.Reshape(perHead(), g.int64([0, 0, -1])) : query
  const [k, v] = ['k_proj', 'v_proj'].map((name) => linear(g, states, name, groups * size, bias)) as [Value, Value]
  const attributes = { num_heads: heads, kv_num_heads: groups }
  const options = { attributes, outputCount: 3, outputs: ['attended', 'present.key', 'present.value'] }
  const [attended] = g.node('GroupQueryAttention', [q, k, v, ...past, ...lengths], options) as [Value]
  const middle = g.Add(x, linear(g, attended, 'o_proj', width))
  const gate = linear(g, norm(middle, 'second'), 'gate_proj', width)
  const last = g.Add(middle, g.Mul(g.Sigmoid(gate), gate))
  graph.outputs = [norm(last, 'third').name, 'present.key', 'present.value', ...(shared ? [k.name] : [])]
  return foldLinear(graph)
}

const feeds = {
  x: of('float32', [batch, sequence, width], values(batch * sequence * width, 1)),
  'past.key': of('float32', [batch, groups, 0, size], []),
  'past.value': of('float32', [batch, groups, 0, size], []),
  lengths: of('int32', [batch], [sequence - 1, sequence - 2]),
  total: of('int32', [], [sequence]),
}

const opTypes = ({ nodes }: Graph): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const { opType } of nodes) counts[opType] = (counts[opType] ?? 0) + 1
  return counts
}

describe('a decoder for inference', () => {
  it.each([{}, { bias: true }])(
    'has one product for queries, keys and values, and rows between products: %o',
    async (form) => {
      const result = await sameNumbers(decoder(form), forInference, feeds)
      const { Shape, Concat, ...rest } = opTypes(result)
      expect(rest).toEqual({
        SimplifiedLayerNormalization: 1,
        Gemm: 3,
        GroupQueryAttention: 1,
        SkipSimplifiedLayerNormalization: 2,
        Sigmoid: 1,
        Mul: 1,
        Reshape: 5,
      })
      expect([...result.initializers.keys()]).toContain('layer.qkv_proj.weight')
    },
  )
  it('keeps products apart whose results something else reads, or changes', async () => {
    for (const form of [{ shared: true }, { normalized: true }]) {
      const result = await sameNumbers(decoder(form), forInference, feeds)
      expect(count(result, 'Gemm')).toBe(5)
    }
  })
  it('keeps the codes of quantized matrices', () => {
    const packed = quantizeProducts(decoder(), { bits: 4, blockSize: 16, minimum: 0 })
    const result = packMatrices(forInference(packed))
    expect([count(result, 'MatMulNBits'), count(result, 'DequantizeLinear'), count(result, 'Reshape')]).toEqual([
      3, 0, 0,
    ])
  })
  it('keeps products apart whose matrices have other forms, which would lose their codes', () => {
    const selects = ({ weight }: { weight: string }) => weight.includes('q_proj')
    const packed = quantizeProducts(decoder(), { bits: 4, blockSize: 16, minimum: 0, selects })
    const result = packMatrices(forInference(packed))
    expect([count(result, 'MatMulNBits'), count(result, 'Gemm')]).toEqual([1, 4])
  })
  it('keeps the names and shapes of outputs that are rows, or are read as rows', async () => {
    const graph = createGraph('rows')
    const g = build(graph)
    const x = addInput(graph, 'x', 'float32', ['batch', 'sequence', width])
    const y = linear(g, x, 'q_proj', width)
    const flat = g.Reshape(g.Relu(y), g.int64([-1, width]))
    graph.outputs = [y.name, flat.name, g.Shape(y, { start: 0, end: 2 }).name]
    await sameNumbers(foldLinear(graph), forInference, { x: feeds.x })
  })
})
