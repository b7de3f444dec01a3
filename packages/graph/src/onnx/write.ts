// Encodes a graph as an ONNX file. Large initializers go to one external-data file, so a model may exceed protobuf's
// 2 GB.

import { requireKind } from '../door.ts'
import { atLeast, type Checks, checkOptions, requireOptions, text, whole } from '../options.ts'
import { FormatError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import { type Graph, type Node, type Value, getValue } from '../ir/graph.ts'
import { dataTypes } from '../tensor/dtype.ts'
import { byteLength, type Tensor } from '../tensor/tensor.ts'
import { attributeProtos } from './attribute.ts'
import { type Draft, encodeModel, type NodeProto, type ValueInfoProto } from './proto.ts'
import { type ExternalLocation, tensorProto } from './tensor.ts'

/** ONNX IR version that goes with an operator set; 10 brought 4-bit integers, and opset 21 operators that take them. */
const irVersion = (opset: number): bigint => (opset > 20 ? 10n : 9n)

/**
 * Encodes a graph as an ONNX file.
 * @param external Locations of the initializers that are stored outside of the file, by name; see
 * {@link layoutExternal}. @default none
 * @throws {FormatError} when the other initializers exceed 2 GB.
 */
export function writeModel(graph: Graph, external: ReadonlyMap<string, ExternalLocation> = new Map()): Uint8Array {
  requireKind('writeModel, graph', graph, 'graph')
  const inlineBytes = [...graph.initializers]
    .filter(([name]) => !external.has(name))
    .reduce((size, [, data]) => size + byteLength(data), 0)
  if (inlineBytes >= 2 ** 31)
    throw new FormatError({
      where: `graph "${graph.name}"`,
      what: 'too large for one file',
      expected: 'less than 2 GB',
      found: `${inlineBytes} bytes of weights`,
      fix: 'Lay the weights out in an external-data file with layoutExternal.',
    })
  return encodeModel({
    irVersion: irVersion(graph.opset),
    producerName: '@cola/graph',
    opsetImport: [...new Set(['', ...graph.nodes.map(({ domain }) => domain)])].map((domain) => ({
      domain,
      version: BigInt(domain === '' ? graph.opset : 1),
    })),
    metadataProps: Object.entries(graph.metadata).map(([key, value]) => ({ key, value })),
    graph: {
      name: graph.name,
      node: distinctlyNamed(graph.nodes).map(nodeProto),
      initializer: [...graph.initializers].map(([name, data]) => tensorProto(name, data, external.get(name))),
      input: graph.inputs.map((name) => valueProto(getValue(graph, name))),
      output: graph.outputs.map((name) => valueProto(getValue(graph, name))),
    },
  })
}

interface LayoutOptions {
  location: string
  threshold?: number
  alignment?: number
}

const layoutChecks: Checks<LayoutOptions> = { location: text, threshold: atLeast(0), alignment: whole(1) }

/**
 * Lays initializers of at least `threshold` bytes out in one external-data file, each at a multiple of `alignment`.
 * @param options `location`: name of the file. `threshold`: bytes. @default 1024. `alignment`: bytes; 4096 lets the
 * runtime map the file instead of copying it. @default 4096
 * @throws {ConfigError} for an option that is unknown or out of its range.
 * @returns The location of each tensor that is in the file; tensors with the same `bytes` function share one.
 */
export function layoutExternal(
  tensors: Iterable<readonly [string, Tensor]>,
  options: LayoutOptions,
): Map<string, ExternalLocation> {
  checkOptions('layoutExternal', options, layoutChecks)
  requireOptions('layoutExternal', options, layoutChecks, ['location'])
  requireKind('layoutExternal, tensors', tensors, 'iterable')
  const { location, threshold = 1024, alignment = 4096 } = options
  const layout = new Map<string, ExternalLocation>()
  const places = new Map<Tensor['bytes'], ExternalLocation>()
  let offset = 0
  for (const [name, data] of tensors) {
    const size = byteLength(data)
    if (size < threshold) continue
    const place = places.get(data.bytes) ?? { location, offset }
    layout.set(name, place)
    if (place.offset < offset) continue
    places.set(data.bytes, place)
    offset = Math.ceil((offset + size) / alignment) * alignment
  }
  return layout
}

/** The external-data file of a layout as chunks; tensors are read one at a time. */
export function* externalChunks(
  tensors: ReadonlyMap<string, Tensor>,
  layout: ReadonlyMap<string, ExternalLocation>,
): Generator<Uint8Array> {
  requireKind('externalChunks, tensors', tensors, 'map')
  let at = 0
  for (const [name, { offset }] of layout) {
    if (offset < at) continue
    if (offset > at) yield new Uint8Array(offset - at)
    const bytes = (tensors.get(name) as Tensor).bytes()
    yield bytes
    at = offset + bytes.length
  }
}

const dimProto = (dim: Dim) => (typeof dim === 'number' ? { dimValue: BigInt(dim) } : { dimParam: dim })

const valueProto = ({ name, dtype, shape }: Value): Draft<ValueInfoProto> => ({
  name,
  type: { tensorType: { elemType: dataTypes[dtype].onnx, shape: { dim: shape.map(dimProto) } } },
})

/** Nodes with names of their own, which runtimes require: a rewrite can give a node the name of one of the file's. */
function distinctlyNamed(nodes: readonly Node[]): Node[] {
  const taken = new Set(nodes.map(({ name }) => name))
  const written = new Set<string>()
  return nodes.map((node) => {
    let { name } = node
    for (let i = 1; name !== '' && written.has(name); i++)
      if (!taken.has(`${node.name}_${i}`)) name = `${node.name}_${i}`
    written.add(name)
    taken.add(name)
    return name === node.name ? node : { ...node, name }
  })
}

const nodeProto = (node: Node): Draft<NodeProto> => {
  const { name, opType, domain, inputs, outputs } = node
  return { name, opType, domain, input: inputs, output: outputs, attribute: attributeProtos(node) }
}
