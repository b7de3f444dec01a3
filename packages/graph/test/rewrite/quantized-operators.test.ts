// Operators on codes against the runtime's own kernels, over random forms. Inputs are numbers that have codes, so that
// rounding changes nothing before the result. Whole files: packages/lora/test/onnx/quantized-files.test.ts.

import { describe, expect, it } from 'vitest'
import {
  addInitializer,
  addInput,
  type Attributes,
  createGraph,
  type DataType,
  elementCount,
  type Graph,
  lower,
  type Node,
  packMatrices,
  prune,
  readModel,
  UnsupportedOperatorError,
  writeModel,
} from '../../src/index.ts'
import { quantizedNames } from '../../src/rewrite/quantized-operators.ts'
import { of, run } from '../support/run.ts'
import { Draw } from './decompositions/sweep.ts'

interface CodesOptions {
  readonly dtype?: DataType
  readonly scale?: number
  /** @default random */
  readonly zero?: number
  /** Number of scales. @default one for all */
  readonly count?: number
}

/** A graph with codes, and the numbers that are fed. */
class Form {
  readonly graph: Graph = createGraph('quantized')
  readonly feeds: Record<string, ReturnType<typeof of>> = {}
  readonly draw: Draw
  constructor(seed: number) {
    this.draw = new Draw(seed)
  }

  add(name: string, inputs: readonly string[], output: string, attributes: Attributes = {}): string {
    const [, domain = '', opType] = /^(?:(.*)\.)?(\w+)$/.exec(name) as unknown as [string, string | undefined, string]
    const attributeTypes = Object.fromEntries(
      Object.entries(attributes).map(
        ([key, value]) => [key, Array.isArray(value) ? 'ints' : Number.isInteger(value) ? 'int' : 'float'] as const,
      ),
    )
    const node: Node = {
      name: `${opType} of ${output}`,
      opType,
      domain,
      inputs,
      outputs: [output],
      attributes,
      attributeTypes,
    }
    this.graph.nodes.push(node)
    return output
  }

  constant(name: string, dtype: DataType, dims: readonly number[], values: readonly number[]): string {
    return addInitializer(this.graph, name, of(dtype, dims, values)).name
  }

  scaleAndZero(
    name: string,
    dtype: DataType,
    { scale = 2 ** -this.draw.int(4, 7), zero = Number.NaN, count = 0 }: CodesOptions = {},
  ): string[] {
    const dims = count ? [count] : []
    const zeros = () =>
      Number.isNaN(zero) ? this.draw.int(dtype === 'int8' ? -9 : 110, dtype === 'int8' ? 9 : 140) : zero
    const list = <Item>(item: () => Item) => Array.from({ length: count || 1 }, item)
    return [
      this.constant(
        `${name}_scale`,
        'float32',
        dims,
        list(() => scale * (count ? this.draw.int(1, 4) : 1)),
      ),
      this.constant(`${name}_zero_point`, dtype, dims, list(zeros)),
    ]
  }

  /** Codes, scale and zero point of a constant. */
  matrix(
    name: string,
    dims: readonly number[],
    { dtype = this.draw.pick<DataType>(['int8', 'uint8']), ...rest }: CodesOptions = {},
  ): string[] {
    const [low, high] = dtype === 'uint8' ? [0, 255] : [-greatest - 1, greatest]
    const codes = Array.from({ length: elementCount(dims) }, () => this.draw.int(low, high))
    return [this.constant(`${name}_quantized`, dtype, dims, codes), ...this.scaleAndZero(name, dtype, rest)]
  }

  /** Codes, scale and zero point of numbers that are fed. */
  activation(name: string, dims: readonly number[], dtype: DataType = 'uint8'): string[] {
    const [scale = '', zero = ''] = this.scaleAndZero(name, dtype)
    const numberOf = (of: string) =>
      new DataView(this.graph.initializers.get(of)?.bytes().slice().buffer as ArrayBuffer)
    const [size, middle] = [
      numberOf(scale).getFloat32(0, true),
      dtype === 'int8' ? numberOf(zero).getInt8(0) : numberOf(zero).getUint8(0),
    ]
    const low = dtype === 'int8' ? -128 : 0
    const values = Array.from({ length: elementCount(dims) }, () => (low + this.draw.int(0, 255) - middle) * size)
    this.feeds[name] = of('float32', dims, values)
    addInput(this.graph, name, 'float32', dims)
    return [this.add('QuantizeLinear', [name, scale, zero], `${name}_quantized`), scale, zero]
  }

  /** Codes and zero point of whole numbers that are fed, which DynamicQuantizeLinear gives the scale 1. */
  dynamic(name: string, dims: readonly number[]): [codes: string, zero: string] {
    this.wholeNumbers(name, dims)
    const outputs = [`${name}_quantized`, `${name}_scale`, `${name}_zero_point`] as const
    this.graph.nodes.push({
      name: `quantize ${name}`,
      opType: 'DynamicQuantizeLinear',
      domain: '',
      inputs: [name],
      outputs,
      attributes: {},
    })
    return [outputs[0], outputs[2]]
  }

  /** Feeds whole numbers whose range gives the scale 1. */
  wholeNumbers(name: string, dims: readonly number[]): void {
    const values = Array.from({ length: elementCount(dims) }, (_, i) => (i < 2 ? i * 255 : this.draw.int(0, 255)) - 120)
    this.feeds[name] = of('float32', dims, values)
    addInput(this.graph, name, 'float32', dims)
  }

  /** Shapes of X and W of a convolution, and its attributes. */
  convolution(): [x: number[], w: number[], attributes: Attributes] {
    const [axes, group, channels, outputs] = [this.draw.int(1, 2), this.draw.int(1, 2), 2, this.draw.int(1, 2)]
    const each = (least: number, most: number) => Array.from({ length: axes }, () => this.draw.int(least, most))
    const attributes = { group, strides: each(1, 2), dilations: each(1, 2), pads: [...each(0, 1), ...each(0, 1)] }
    const sizes = each(4, 8)
    return [[this.draw.int(1, 2), group * channels, ...sizes], [group * outputs, channels, ...each(1, 2)], attributes]
  }

  /** A DynamicQuantizeLSTM of either or both directions, whose inputs have the scale 1. */
  lstm({ steps }: { steps: number }): ReturnType<Sweep> {
    const [width, hidden, batch] = [this.draw.int(2, 9), this.draw.int(1, 4), this.draw.int(1, 2)]
    const direction = this.draw.pick(['forward', 'reverse', 'bidirectional'])
    const directions = direction === 'bidirectional' ? 2 : 1
    const isList = this.draw.flag()
    const matrix = (name: string, rows: number): [codes: string, scale: string, zero: string] => {
      const dims = isList ? [directions, 4 * hidden] : [directions]
      const count = elementCount(dims)
      const codes = Array.from({ length: directions * rows * 4 * hidden }, () => this.draw.int(-greatest, greatest))
      return [
        this.constant(`${name}_quantized`, 'int8', [directions, rows, 4 * hidden], codes),
        this.constant(
          `${name}_scale`,
          'float32',
          dims,
          Array.from({ length: count }, () => 2 ** -this.draw.int(11, 13)),
        ),
        this.constant(
          `${name}_zero_point`,
          'int8',
          dims,
          Array.from({ length: count }, () => 0),
        ),
      ]
    }
    const [w, scaleOfW, zeroOfW] = matrix('w', width)
    const [r, scaleOfR, zeroOfR] = matrix('r', hidden)
    const bias = this.draw.flag()
      ? this.constant('b', 'float32', [directions, 8 * hidden], this.draw.floats(directions * 8 * hidden))
      : ''
    this.wholeNumbers('x', [steps, batch, width])
    const inputs = ['x', w, r, bias, '', '', '', '', scaleOfW, zeroOfW, scaleOfR, zeroOfR]
    const attributes = { hidden_size: hidden, direction }
    this.graph.nodes.push({
      name: 'lstm_quant',
      opType: 'DynamicQuantizeLSTM',
      domain: 'com.microsoft',
      inputs,
      outputs: ['y', 'y_h', 'y_c'],
      attributes,
      attributeTypes: { hidden_size: 'int', direction: 'string' },
    })
    return { rank: 4 }
  }

  /** The result as numbers, and how far rounding may take it. */
  dequantized(codes: string, [scale = '', zero = '']: readonly string[], steps = 0.5): number {
    this.add('DequantizeLinear', [codes, scale, zero], 'y')
    const bytes = this.graph.initializers.get(scale)?.bytes().slice() as Uint8Array
    return (steps + 0.01) * new DataView(bytes.buffer).getFloat32(0, true)
  }
}

/**
 * Whether the runtime's products of uint8 and int8 are exact here: processors without VNNI add two of them in 16 bits,
 * which 2 * 255 * 127 overflows. There matrices have seven bits, as the runtime's tools write them with `reduce_range`.
 */
async function productsAreExact(): Promise<boolean> {
  const f = new Form(0)
  const codes = [
    f.constant('a', 'uint8', [1, 4], [255, 255, 255, 255]),
    f.constant('b', 'int8', [4, 1], [127, 127, 127, 127]),
  ]
  f.add('Cast', [f.add('MatMulInteger', codes, 'sums')], 'y', { to: 1 })
  return (await run(withOutput(f, 2))).get('y')?.data[0] === 4 * 255 * 127
}
/** The greatest code of int8 matrices. */
const greatest = (await productsAreExact()) ? 127 : 63

/** A random form with the float result `y`, of the given rank; returns how far rounding of the result may take it. */
type Sweep = (f: Form) => { rank: number; tolerance?: number }

/** x + y and x y. */
const ofTwo =
  (name: string): Sweep =>
  (f) => {
    const dims = [f.draw.int(1, 3), f.draw.int(2, 5)]
    const result = f.scaleAndZero('result', 'uint8', { scale: 2 ** -f.draw.int(3, 6) })
    const second = f.draw.flag() ? f.activation('b', dims) : f.matrix('b', [dims[1] as number], { dtype: 'uint8' })
    f.add(name, [...f.activation('a', dims), ...second, ...result], 'codes')
    return { rank: 2, tolerance: f.dequantized('codes', result) }
  }

const ofOne =
  (name: string, attributes: (f: Form) => Attributes = () => ({}), steps?: number): Sweep =>
  (f) => {
    const dims = [f.draw.int(1, 3), f.draw.int(2, 4), f.draw.int(2, 5)]
    const result = f.scaleAndZero(
      'result',
      'uint8',
      name.endsWith('x') ? { scale: 1 / 256, zero: 0 } : { scale: 1 / 128, zero: 3 },
    )
    f.add(name, [...f.activation('a', dims), ...result], 'codes', attributes(f))
    return { rank: 3, tolerance: f.dequantized('codes', result, steps) }
  }

const sweeps: Readonly<Record<string, Sweep>> = {
  DequantizeLinear: (f) => {
    const dims = [f.draw.int(2, 5), f.draw.int(2, 40)]
    const byAxis = f.draw.flag()
    const axis = f.draw.int(0, 1)
    const codes = f.matrix('w', dims, byAxis ? { count: dims[axis] as number } : {})
    const matrix = f.add('DequantizeLinear', codes, 'w', { axis })
    // The runtime may round x to eight bits here, which changes nothing for -1, 0 and 1.
    const x = Array.from({ length: 3 * (dims[0] as number) }, () => f.draw.int(-1, 1))
    f.feeds.x = of('float32', [3, dims[0] as number], x)
    addInput(f.graph, 'x', 'float32', ['batch', dims[0] as number])
    f.add('MatMul', ['x', matrix], 'y')
    return { rank: 2 }
  },
  QLinearMatMul: (f) => {
    const [K, N] = [f.draw.int(1, 40), f.draw.int(2, 5)]
    const result = f.scaleAndZero('result', 'uint8', { scale: 2 ** -f.draw.int(0, 4) })
    const b = f.draw.flag()
      ? f.matrix('b', [K, N], f.draw.flag() ? { dtype: 'int8', count: N, zero: 0 } : {})
      : f.activation('b', [K, N])
    f.add('QLinearMatMul', [...f.activation('a', [2, K]), ...b, ...result], 'codes')
    return { rank: 2, tolerance: f.dequantized('codes', result) }
  },
  'com.microsoft.QLinearAdd': ofTwo('com.microsoft.QLinearAdd'),
  'com.microsoft.QLinearMul': ofTwo('com.microsoft.QLinearMul'),
  'com.microsoft.QLinearSigmoid': ofOne('com.microsoft.QLinearSigmoid'),
  'com.microsoft.QLinearLeakyRelu': ofOne('com.microsoft.QLinearLeakyRelu', () => ({ alpha: 0.3 })),
  'com.microsoft.QLinearSoftmax': ofOne(
    'com.microsoft.QLinearSoftmax',
    (f) => (f.draw.flag() ? { axis: f.draw.int(1, 2), opset: 12 } : { axis: f.draw.pick([-1, 2]), opset: 17 }),
    1,
  ),
  'com.microsoft.QLinearConcat': (f) => {
    const result = f.scaleAndZero('result', 'uint8', { scale: 2 ** -f.draw.int(3, 6) })
    const axis = f.draw.int(0, 1)
    f.add(
      'com.microsoft.QLinearConcat',
      [...result, ...f.activation('a', [2, 3]), ...f.activation('b', [2, 3])],
      'codes',
      { axis },
    )
    return { rank: 2, tolerance: f.dequantized('codes', result) }
  },
  QLinearConv: (f) => {
    const [x, w, attributes] = f.convolution()
    const outputs = w[0] as number
    const result = f.scaleAndZero('result', 'uint8', { scale: 2 ** -f.draw.int(0, 3) })
    const matrix = f.matrix('w', w, { dtype: 'int8', zero: 0, ...(f.draw.flag() ? { count: outputs } : {}) })
    const bias = f.draw.flag()
      ? [f.constant('b_quantized', 'int32', [outputs], f.draw.floats(outputs, 999).map(Math.round))]
      : []
    f.add('QLinearConv', [...f.activation('x', x), ...matrix, ...result, ...bias], 'codes', attributes)
    return { rank: x.length, tolerance: f.dequantized('codes', result) }
  },
  // As quantize_dynamic writes it: Cast and Mul by both scales, then the bias.
  'ai.onnx.scaled.ConvInteger': (f) => {
    const [x, w, attributes] = f.convolution()
    const [codes, zeroOfX] = f.dynamic('x', x)
    const [matrix = '', scale = '', zero = ''] = f.matrix('w', w, { dtype: 'uint8' })
    f.add('ConvInteger', [codes, matrix, zeroOfX, zero], 'sums', attributes)
    f.add('Cast', ['sums'], 'floats', { to: 1 })
    f.add('Mul', ['x_scale', scale], 'scales')
    const hasBias = f.draw.flag()
    f.add('Mul', ['floats', 'scales'], hasBias ? 'scaled' : 'y')
    if (!hasBias) return { rank: x.length }
    const outputs = w[0] as number
    const shape = f.constant('shape', 'int64', [x.length], [1, -1, ...x.slice(2).map(() => 1)])
    f.add('Reshape', [f.constant('bias', 'float32', [outputs], f.draw.floats(outputs)), shape], 'bias_of_channels')
    f.add('Add', ['scaled', 'bias_of_channels'], 'y')
    return { rank: x.length }
  },
  // One step from a state of zeros, which the kernel does not round; longer texts are in the test below.
  'com.microsoft.DynamicQuantizeLSTM': (f) => f.lstm({ steps: 1 }),
  'com.microsoft.QGemm': (f) => {
    const [K, N, transB] = [f.draw.int(1, 40), f.draw.int(2, 5), f.draw.int(0, 1)]
    const a = f.activation('a', [2, K])
    const b = f.matrix('b', transB ? [N, K] : [K, N], {
      dtype: 'int8',
      zero: 0,
      ...(f.draw.flag() ? { count: N } : {}),
    })
    const bias = f.draw.flag() ? f.constant('c_quantized', 'int32', [N], f.draw.floats(N, 999).map(Math.round)) : ''
    const result = f.draw.flag() ? f.scaleAndZero('result', 'uint8', { scale: 2 ** -f.draw.int(0, 4) }) : []
    f.add('com.microsoft.QGemm', [...a, ...b, bias, ...result], result.length ? 'codes' : 'y', { transB })
    return { rank: 2, ...(result.length ? { tolerance: f.dequantized('codes', result) } : {}) }
  },
  'com.microsoft.MatMulIntegerToFloat': (f) => {
    const [K, N] = [f.draw.int(1, 300), f.draw.int(2, 5)]
    const [a = '', scaleOfA = '', zeroOfA = ''] = f.activation('a', [2, K])
    const [b = '', scaleOfB = '', zeroOfB = ''] = f.matrix('b', [K, N], f.draw.flag() ? { count: N } : {})
    const bias = f.draw.flag() ? [f.constant('bias', 'float32', [N], f.draw.floats(N))] : []
    f.add('com.microsoft.MatMulIntegerToFloat', [a, b, scaleOfA, scaleOfB, zeroOfA, zeroOfB, ...bias], 'y')
    return { rank: 2 }
  },
  'com.microsoft.DynamicQuantizeMatMul': (f) => {
    const [K, N] = [f.draw.int(2, 300), f.draw.int(2, 5)]
    // Whole numbers whose range gives the scale 1.
    const x = Array.from({ length: 2 * K }, (_, i) => (i < 2 ? i * 255 : f.draw.int(0, 255)) - 120)
    f.feeds.x = of('float32', [2, K], x)
    addInput(f.graph, 'x', 'float32', [2, K])
    const bias = f.draw.flag() ? [f.constant('bias', 'float32', [N], f.draw.floats(N))] : []
    f.add(
      'com.microsoft.DynamicQuantizeMatMul',
      ['x', ...f.matrix('b', [K, N], f.draw.flag() ? { count: N } : {}), ...bias],
      'y',
    )
    return { rank: 2 }
  },
  'com.microsoft.QAttention': (f) => {
    const [heads, size, batch, length] = [2, 3, f.draw.int(1, 2), f.draw.int(1, 4)]
    const hidden = heads * size
    const [x = '', scale = '', zero = ''] = f.activation('x', [batch, length, hidden])
    const [w = '', ...ofMatrix] = f.matrix('w', [hidden, 3 * hidden], {
      scale: 2 ** -8,
      ...(f.draw.flag() ? { count: 3 * hidden } : {}),
    })
    const bias = f.constant('bias', 'float32', [3 * hidden], f.draw.floats(3 * hidden))
    const mask = f.draw.flag()
      ? f.constant(
          'mask',
          'int32',
          [batch],
          Array.from({ length: batch }, () => f.draw.int(1, length)),
        )
      : ''
    const unidirectional = f.draw.int(0, 1)
    f.add(
      'com.microsoft.QAttention',
      [x, w, bias, scale, ofMatrix[0] as string, mask, zero, ofMatrix[1] as string],
      'y',
      { num_heads: heads, unidirectional },
    )
    return { rank: 3 }
  },
  'com.microsoft.QEmbedLayerNormalization': (f) => {
    const [hidden, batch, length] = [f.draw.int(3, 8), f.draw.int(1, 2), f.draw.int(1, 4)]
    const ids = (name: string, count: number) =>
      f.constant(
        name,
        'int32',
        [batch, length],
        Array.from({ length: batch * length }, () => f.draw.int(0, count - 1)),
      )
    const tables = [
      ...[7, 5, 2].map((rows, i) => f.matrix(`table${i}`, [rows, hidden], { dtype: 'uint8' })),
      ...['scale', 'shift'].map((name) => f.matrix(name, [hidden], { dtype: 'uint8' })),
    ]
    const column = (i: number) => tables.map((table) => table[i] as string)
    f.graph.nodes.push({
      name: 'embeddings',
      opType: 'QEmbedLayerNormalization',
      domain: 'com.microsoft',
      inputs: [ids('ids', 7), ids('types', 2), ...column(0), '', ...column(1), ...column(2)],
      outputs: ['y', 'lengths'],
      attributes: { epsilon: 1e-5 },
      attributeTypes: { epsilon: 'float' },
    })
    return { rank: 3 }
  },
}

/** The products of quantize_dynamic, with codes that are moved before they are read. */
function dynamicProduct(f: Form, { moved = false, scaled = true } = {}): void {
  const [K, N] = [f.draw.int(2, 40), f.draw.int(2, 5)]
  f.feeds.x = of(
    'float32',
    [2, K],
    Array.from({ length: 2 * K }, (_, i) => (i < 2 ? i * 255 : f.draw.int(0, 255)) - 120),
  )
  addInput(f.graph, 'x', 'float32', [2, K])
  const count = f.draw.flag() ? { count: N } : {}
  const [codes = '', scale = '', zero = ''] = f.matrix('w', moved ? [N, K] : [K, N], count)
  const w = moved ? f.add('Transpose', [codes], 'moved', {}) : codes
  const dynamic = ['x_quantized', 'x_scale', 'x_zero_point']
  f.graph.nodes.push({
    name: 'q',
    opType: 'DynamicQuantizeLinear',
    domain: '',
    inputs: ['x'],
    outputs: dynamic,
    attributes: {},
  })
  f.add('MatMulInteger', ['x_quantized', w, 'x_zero_point', zero], 'sums')
  f.add('Cast', ['sums'], scaled ? 'floats' : 'y', { to: 1 })
  if (!scaled) return
  f.add('Mul', f.draw.flag() ? ['x_scale', scale] : [scale, 'x_scale'], 'scales')
  f.add('Mul', f.draw.flag() ? ['floats', 'scales'] : ['scales', 'floats'], 'y')
}

/** The graph with its output `y`. */
function withOutput({ graph }: Form, rank: number): Graph {
  graph.outputs = ['y']
  graph.values.set('y', { name: 'y', dtype: 'float32', shape: Array.from({ length: rank }, (_, i) => `size${i}`) })
  return graph
}

const written = (form: Form, rank: number): Uint8Array => writeModel(withOutput(form, rank))

/** Compares the file with the graph that is read from it, which has no codes but packed ones. */
async function check(f: Form, { rank, tolerance = 0 }: ReturnType<Sweep>): Promise<void> {
  const read = readModel(written(f, rank))
  expect(read.nodes.filter(({ domain, opType }) => domain !== '' || /Quantize|QLinear|Integer/.test(opType))).toEqual(
    [],
  )
  const expected = await run(f.graph, f.feeds)
  const runnable = packMatrices(lower(read))
  prune(runnable)
  const actual = await run(runnable, f.feeds)
  expect(actual.get('y')?.dims).toEqual(expected.get('y')?.dims)
  expect(actual.get('y')?.data ?? []).toBeAllclose(expected.get('y')?.data ?? [Number.NaN], {
    atol: tolerance + 1e-4,
    rtol: 1e-4,
  })
}

describe('operators on codes, against the kernels of the runtime', () => {
  it('cover the whole table', () => {
    expect(Object.keys(sweeps).sort()).toEqual([...quantizedNames].sort())
  })
  it.each(Object.keys(sweeps))('%s', async (name) => {
    for (let seed = 0; seed < 16; seed++) {
      const form = new Form(seed)
      const result = (sweeps[name] as Sweep)(form)
      await check(form, result).catch((error: Error) => {
        error.message = `seed ${seed}: ${error.message}`
        throw error
      })
    }
  })
  it.each([false, true])('MatMulInteger, its matrix behind a Transpose: %s', async (moved) => {
    for (let seed = 0; seed < 16; seed++) {
      const form = new Form(seed)
      dynamicProduct(form, { moved })
      await check(form, { rank: 2 })
    }
  })
  it('MatMulInteger of embeddings that are looked up as codes', async () => {
    for (let seed = 0; seed < 8; seed++) {
      const form = new Form(seed)
      const [width, N] = [form.draw.int(2, 9), form.draw.int(2, 5)]
      const [table = '', scale = '', zero = ''] = form.matrix('table', [6, width], { dtype: 'uint8' })
      const [w = '', scaleOfW = '', zeroOfW = ''] = form.matrix('w', [width, N])
      form.feeds.ids = of('int64', [2, 3], [0, 1, 2, 3, 4, 5])
      addInput(form.graph, 'ids', 'int64', [2, 3])
      const rows = form.add('Gather', [table, 'ids'], 'rows')
      form.add('MatMulInteger', [rows, w, zero, zeroOfW], 'sums')
      form.add('Cast', ['sums'], 'floats', { to: 1 })
      form.add('Mul', form.draw.flag() ? [scale, scaleOfW] : [scaleOfW, scale], 'scales')
      form.add('Mul', ['floats', 'scales'], 'y')
      await check(form, { rank: 3 })
    }
  })
  it('a MatMulInteger whose result is not scaled is refused', () => {
    const form = new Form(1)
    dynamicProduct(form, { scaled: false })
    const reading = () => readModel(written(form, 2))
    expect(reading).toThrow(UnsupportedOperatorError)
    expect(reading).toThrow(/"MatMulInteger of sums".*its result is not scaled/)
  })
  it('a ConvInteger whose result is not scaled is refused', () => {
    const form = new Form(1)
    const [x, zeroOfX] = form.dynamic('x', [1, 2, 5])
    const [codes = '', , zero = ''] = form.matrix('w', [3, 2, 1])
    form.add('ConvInteger', [x, codes, zeroOfX, zero], 'sums')
    form.add('Cast', ['sums'], 'y', { to: 1 })
    const reading = () => readModel(written(form, 3))
    expect(reading).toThrow(UnsupportedOperatorError)
    expect(reading).toThrow(/"ConvInteger of sums".*its result is not scaled/)
  })
  it.each(['QOrderedMatMul', 'QOrderedAttention', 'QLinearGlobalAveragePool'])(
    '%s, an operator on codes without a row, is refused by its name',
    (opType) => {
      const form = new Form(1)
      form.add(`com.microsoft.${opType}`, form.activation('x', [1, 2, 5]), 'y')
      const reading = () => readModel(written(form, 3))
      expect(reading).toThrow(UnsupportedOperatorError)
      expect(reading).toThrow(
        new RegExp(`"${opType} of y".*operator com.microsoft.${opType} is not in the table.*original export`),
      )
    },
  )
  it('computes an LSTM of several steps near what the kernel does, which rounds its states', async () => {
    for (let seed = 0; seed < 8; seed++) {
      const form = new Form(seed)
      form.lstm({ steps: 5 })
      await check(form, { rank: 4, tolerance: 0.02 })
    }
  })
  it('codes with a list of scales are refused behind operators that change their order', () => {
    const form = new Form(1)
    const [codes = '', scale = '', zero = ''] = form.matrix('w', [4, 6], { count: 6 })
    form.add('Reshape', [codes, form.constant('shape', 'int64', [1], [24])], 'flat')
    form.add('DequantizeLinear', ['flat', scale, zero], 'y')
    expect(() => readModel(written(form, 1))).toThrow(/"Reshape of flat".*moves codes that have a list of scales/)
  })
})
