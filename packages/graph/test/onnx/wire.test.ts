// Messages against protobuf's own library for JavaScript, with the code that it generates of onnx.proto.

import { create, fromBinary, toBinary } from '@bufbuild/protobuf'
import fc from 'fast-check'
import { GraphProtoSchema, ModelProtoSchema } from 'onnx-buf'
import { describe, expect, it } from 'vitest'
import { FormatError } from '../../src/index.ts'
import { decodeModel, decodeSubgraph, encodeModel } from '../../src/onnx/proto.ts'

const int64 = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(0n, -1n, 127n, 128n, 2n ** 28n - 1n, 2n ** 28n, 2n ** 35n, 2n ** 63n - 1n, -(2n ** 63n)),
)
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const int32 = fc.oneof(fc.integer(), fc.constantFrom(0, -1, 2 ** 31 - 1, -(2 ** 31)))
const float = fc.float({ noNaN: true })
const double = fc.double({ noNaN: true })
/** Texts of any script, with those that begin with a byte order mark. */
const string = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('', '\uFEFFa', 'ä'.repeat(70)))
const bytes = fc.uint8Array({ maxLength: 200 })
const list = <Item>(item: fc.Arbitrary<Item>) => fc.array(item, { maxLength: 3 })

const entry = fc.record({ key: string, value: string })
const tensor = fc.record({
  dims: list(int64),
  dataType: int32,
  floatData: list(float),
  int32Data: list(int32),
  int64Data: list(int64),
  name: string,
  rawData: bytes,
  doubleData: list(double),
  uint64Data: list(uint64),
  externalData: list(entry),
  dataLocation: fc.constantFrom(0, 1),
})
/** The bytes of a graph in an attribute. */
const subgraph = string.map((name) => toBinary(GraphProtoSchema, create(GraphProtoSchema, { name })))
const attribute = fc.record({
  name: string,
  f: float,
  i: int64,
  s: bytes,
  t: fc.option(tensor, { nil: undefined }),
  g: fc.option(subgraph, { nil: undefined }),
  floats: list(float),
  ints: list(int64),
  strings: list(bytes),
  type: fc.integer({ min: 0, max: 14 }),
})
const node = fc.record({
  input: list(string),
  output: list(string),
  name: string,
  opType: string,
  attribute: list(attribute),
  domain: string,
  metadataProps: list(entry),
})
const dimension = fc.oneof(
  int64.map((dimValue) => ({ dimValue, dimParam: undefined })),
  string.map((dimParam) => ({ dimValue: undefined, dimParam })),
  fc.constant({ dimValue: undefined, dimParam: undefined }),
)
const shape = fc.record({ dim: list(dimension) })
const none = {
  tensorType: undefined,
  sequenceType: undefined,
  mapType: undefined,
  sparseTensorType: undefined,
  optionalType: undefined,
}
const type = fc.oneof(
  fc
    .record({ elemType: int32, shape: fc.option(shape, { nil: undefined }) })
    .map((tensorType) => ({ ...none, tensorType })),
  fc
    .constantFrom('sequenceType', 'mapType', 'sparseTensorType', 'optionalType')
    .map((name) => ({ ...none, [name]: {} })),
)
const valueInfo = fc.record({ name: string, type: fc.option(type, { nil: undefined }) })
const model = fc.record({
  irVersion: int64,
  producerName: string,
  graph: fc.record({
    node: list(node),
    name: string,
    initializer: list(tensor),
    input: list(valueInfo),
    output: list(valueInfo),
  }),
  opsetImport: list(fc.record({ domain: string, version: int64 })),
  metadataProps: list(entry),
})
type Model = typeof model extends fc.Arbitrary<infer Value> ? Value : never

/** Their form of "one of": `{ case, value }`. */
function oneOf(held: object | undefined): object | undefined {
  if (!held) return undefined
  const found = Object.entries(held).find(([, value]) => value !== undefined)
  return found ? { value: { case: found[0], value: found[1] } } : {}
}

const theirValue = ({ name, type: held }: Model['graph']['input'][number]) => {
  const { shape: dims } = held?.tensorType ?? {}
  const tensorType = held?.tensorType && {
    ...held.tensorType,
    shape: dims && { dim: dims.dim.map((dim) => oneOf(dim)) },
  }
  return { name, type: oneOf(held && { ...held, tensorType }) }
}

type TheirNode = Model['graph']['node'][number]

/** Theirs has a message where ours has the bytes of one. */
const theirNode = ({ attribute: all, ...node }: TheirNode) => ({
  ...node,
  attribute: all.map(({ g, ...rest }) => ({
    ...rest,
    ...(g ? { g: fromBinary(GraphProtoSchema, g) } : {}),
  })),
})

const theirs = (value: Model, more: object = {}) =>
  create(ModelProtoSchema, {
    ...value,
    ...more,
    graph: {
      ...value.graph,
      docString: 'fields that are passed over',
      node: value.graph.node.map(theirNode),
      input: value.graph.input.map(theirValue),
      output: value.graph.output.map(theirValue),
    },
  } as never)

/** Where bytes begin to differ; -1 where they are the same. Matchers take long for many bytes. */
const firstDifference = (a: Uint8Array, b: Uint8Array): number =>
  a.length === b.length ? a.findIndex((byte, i) => byte !== b[i]) : Math.min(a.length, b.length)

const noLists = { floatData: [], int32Data: [], int64Data: [], doubleData: [], uint64Data: [] }

describe('messages', () => {
  it('are read as they were written, and fields that are not in the tables are passed over', () => {
    const unknown = { producerVersion: '1', modelVersion: 5n, docString: 'x', functions: [{ name: 'f', input: ['a'] }] }
    fc.assert(
      fc.property(model, (value) => {
        expect(decodeModel(toBinary(ModelProtoSchema, theirs(value, unknown)), 'test')).toEqual(value)
      }),
    )
  })
  it('hold graphs in attributes, which are decoded when they are asked for', () => {
    const held = create(GraphProtoSchema, {
      name: 'branch',
      node: [{ opType: 'Identity', input: ['a'], output: ['b'] }],
    })
    expect(decodeSubgraph(toBinary(GraphProtoSchema, held), 'test')).toMatchObject({
      name: 'branch',
      node: [{ opType: 'Identity', input: ['a'], output: ['b'] }],
    })
    expect(() => decodeSubgraph(Uint8Array.of(10, 200), 'test')).toThrow(FormatError)
  })
  it('are written byte for byte as protobuf writes them', () => {
    fc.assert(
      fc.property(model, (value) => {
        const expected = theirs(value)
        // Theirs writes lists of tensors packed, where files of ours have raw data.
        for (const { initializer = [], node: nodes = [] } of [expected.graph ?? {}, value.graph]) {
          const constants = nodes.flatMap(({ attribute: all }) => all.flatMap(({ t }) => t ?? []))
          for (const one of [...initializer, ...constants]) Object.assign(one, noLists)
        }
        if (expected.graph) delete (expected.graph as Partial<typeof expected.graph>).docString
        expect(firstDifference(encodeModel(value), toBinary(ModelProtoSchema, expected))).toBe(-1)
      }),
    )
  })
  it.each([4095, 4096, 65_530, 65_536, 200_000])('with %i bytes, and as many nodes, are written as well', (size) => {
    const rawData = new Uint8Array(size).fill(7)
    const nodes = Array.from({ length: size / 100 }, (_, i) => ({ name: `node ${i}`, input: ['x'.repeat(i % 300)] }))
    const graph = { name: 'a'.repeat(size), initializer: [{ rawData }, { rawData }], node: nodes }
    const expected = toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 9n, graph } as never))
    expect(firstDifference(encodeModel({ irVersion: 9n, graph }), expected)).toBe(-1)
    expect(decodeModel(expected, 'test').graph.node.at(-1)?.name).toBe(nodes.at(-1)?.name)
  })
  it('that are written here are read there, lists of tensors too', () => {
    fc.assert(
      fc.property(model, (value) => {
        const { graph } = fromBinary(ModelProtoSchema, encodeModel(value))
        expect(graph?.initializer.map(({ uint64Data, floatData }) => ({ uint64Data, floatData }))).toEqual(
          value.graph.initializer.map(({ uint64Data, floatData }) => ({ uint64Data, floatData })),
        )
      }),
    )
  })
  it('that are damaged give a FormatError, or other values', () => {
    const damage = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), length: fc.nat() })
    fc.assert(
      fc.property(model, damage, (value, { at, byte, length }) => {
        const file = encodeModel(value)
        file[at % file.length] = byte
        try {
          decodeModel(file.subarray(0, length % (file.length + 1)), 'damaged')
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError)
        }
      }),
    )
  })
  it('with endless varints, groups or missing bytes are refused', () => {
    expect(() => decodeModel(new Uint8Array(100).fill(255), 'endless')).toThrow(FormatError)
    expect(() => decodeModel(Uint8Array.of(0x3b), 'a group')).toThrow(FormatError)
    expect(() => decodeModel(Uint8Array.of(0x3a, 0x7f, 0x0a), 'cut off')).toThrow(FormatError)
  })
})
