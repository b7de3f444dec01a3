// Attributes keep their types: against ONNX's own definitions (fixtures/make-schema.py), through a file, and for
// operators without a row.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  GraphError,
  createGraph,
  decodeGraph,
  float32,
  operators,
  type Attribute,
  type AttributeType,
  type Graph,
  type Node,
  writeModel,
} from '../../src/index.ts'
import { decodeModel } from '../../src/onnx/proto.ts'

type Schema = Record<string, Record<string, [AttributeType, Attribute?]>>
const schema = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/onnx-schema.json'), 'utf8')) as Schema

/** Rows of the table that ai.onnx does not have at opset 20: they are lowered before running, or the runtime's own. */
const others = [
  'DynamicQuantizeMatMul',
  'GatherBlockQuantized',
  'GroupQueryAttention',
  'MatMulNBits',
  'RMSNormalization',
  'RunAfter',
  'SimplifiedLayerNormalization',
  'SkipLayerNormalization',
  'SkipSimplifiedLayerNormalization',
  'StopGradient',
  'Swish',
]

/** Attributes that ONNX has since opset 21. */
const later = ['DequantizeLinear.block_size']

/** A graph of one node whose operator needs no row: nothing is inferred here. */
function one(node: Pick<Node, 'opType' | 'attributes'> & Partial<Node>): Graph {
  const graph = createGraph('one')
  graph.nodes.push({ name: 'node', domain: '', inputs: [], outputs: ['y'], ...node })
  return graph
}

/** ONNX's code of each attribute's type in a file. */
const codesOf = (bytes: Uint8Array): Record<string, number> =>
  Object.fromEntries(
    decodeModel(bytes, 'test').graph?.node.flatMap(({ attribute }) =>
      attribute.map(({ name, type }) => [name, type]),
    ) ?? [],
  )

const codes: Record<AttributeType, number> = { float: 1, int: 2, string: 3, tensor: 4, floats: 6, ints: 7, strings: 8 }

const samples: Record<AttributeType, fc.Arbitrary<Attribute>> = {
  int: fc.oneof(fc.maxSafeInteger(), fc.constantFrom(0, 1, -1, 2 ** 63)),
  float: fc.oneof(fc.float({ noNaN: true }), fc.constantFrom(0, -0, 1, -1, 3.4028234663852886e38, 2 ** -149)),
  string: fc.string({ unit: 'grapheme' }),
  tensor: fc.array(fc.float({ noNaN: true })).map((values) => float32([values.length], values)),
  ints: fc.array(fc.maxSafeInteger()),
  floats: fc.array(fc.float({ noNaN: true })),
  strings: fc.array(fc.string()),
}

const comparable = (value: Attribute | undefined) =>
  typeof value === 'object' && 'bytes' in value ? [value.dtype, value.dims, [...value.bytes()]] : value

describe('attributes of the table', () => {
  it.each(Object.keys(operators).filter((name) => !others.includes(name)))(
    '%s has the types and defaults that ONNX has',
    (name) => {
      expect(schema).toHaveProperty(name)
      for (const [attribute, [type, value]] of Object.entries(operators[name as keyof typeof operators].attributes)) {
        if (later.includes(`${name}.${attribute}`)) continue
        const [wanted, byDefault] = schema[name]?.[attribute] ?? []
        expect([attribute, type]).toEqual([attribute, wanted])
        // The lists, of a recurrent node's activations, are the runtime's business.
        if (byDefault !== undefined && !Array.isArray(byDefault))
          expect(type === 'float' ? Math.fround(value as number) : value).toBe(byDefault)
      }
    },
  )
  it('has no attributes that ONNX lacks', () => {
    expect(others.filter((name) => Object.hasOwn(schema, name))).toEqual([])
  })
  it.each(Object.keys(operators))('%s keeps every value and its type through a file', (opType) => {
    const { attributes: row, domain = '' } = operators[opType as keyof typeof operators]
    fc.assert(
      fc.property(
        fc.record(Object.fromEntries(Object.entries(row).map(([name, [type]]) => [name, samples[type]]))),
        (attributes) => {
          const bytes = writeModel(one({ opType, domain, attributes }))
          expect(codesOf(bytes)).toEqual(
            Object.fromEntries(Object.entries(row).map(([name, [type]]) => [name, codes[type]])),
          )
          const [again] = decodeGraph(bytes).nodes
          for (const [name, value] of Object.entries(attributes))
            expect(comparable(again?.attributes[name])).toStrictEqual(comparable(value))
          expect(again?.attributeTypes).toBeUndefined()
        },
      ),
      { numRuns: 20 },
    )
  })
})

describe('attributes of operators without a row', () => {
  it('keep the types of the file, also if the value does not determine them', () => {
    const types: [AttributeType, Attribute][] = [
      ['float', 1],
      ['float', -0],
      ['int', 1],
      ['floats', []],
      ['ints', []],
      ['strings', []],
      ['floats', [1, 2]],
      ['ints', [1, 2]],
      ['tensor', float32([1], [2])],
      ['string', ''],
    ]
    const attributes = Object.fromEntries(types.map(([, value], i) => [`a${i}`, value]))
    const attributeTypes = Object.fromEntries(types.map(([type], i) => [`a${i}`, type]))
    const bytes = writeModel(one({ opType: 'Strange', domain: 'some.where', attributes, attributeTypes }))
    const again = decodeGraph(bytes)
    expect(again.nodes[0]?.attributeTypes).toEqual(attributeTypes)
    expect(codesOf(writeModel(again))).toEqual(Object.fromEntries(types.map(([type], i) => [`a${i}`, codes[type]])))
    expect(Object.values(again.nodes[0]?.attributes ?? {}).map(comparable)).toStrictEqual(
      types.map(([, value]) => comparable(value)),
    )
  })
  it('are refused if their type is unknown, as are values of another type', () => {
    expect(() => writeModel(one({ opType: 'Strange', attributes: { a: 1 } }))).toThrow(
      /Strange "node": the type of attribute "a" is unknown/,
    )
    expect(() => writeModel(one({ opType: 'Gather', attributes: { axis: 0.5 } }))).toThrow(
      /attribute "axis" is of another type, expected int, found 0\.5/,
    )
    expect(() => writeModel(one({ opType: 'Strange', attributes: { a: 'x' }, attributeTypes: { a: 'ints' } }))).toThrow(
      GraphError,
    )
  })
})
