import { describe, expect, it } from 'vitest'
import {
  FormatError,
  GraphError,
  UnsupportedOperatorError,
  externalChunks,
  externalLocations,
  getValue,
  layoutExternal,
  readModel,
  toFloat32,
  writeModel,
} from '../../src/index.ts'
import { linear } from '../support/linear.ts'
import { of, run } from '../support/run.ts'

describe('ONNX files', () => {
  it('round-trips nodes, weights, symbolic shapes and metadata', async () => {
    const graph = linear()
    const again = readModel(writeModel(graph))
    expect(getValue(again, 'y')).toMatchObject({ dtype: 'float32', shape: ['batch', 300] })
    expect(again.metadata).toEqual({ note: 'kept' })
    const feeds = { x: of('float32', [2, 4], [1, 2, 3, 4, 5, 6, 7, 8]) }
    expect((await run(again, feeds)).get('y')).toEqual((await run(graph, feeds)).get('y'))
  })
  it('reads external data, and refuses paths outside of the folder, missing files and impossible ranges', () => {
    const graph = linear()
    const layout = layoutExternal(graph.initializers, { location: 'weights.bin' })
    const [data] = [...externalChunks(graph.initializers, layout)] as [Uint8Array]
    const bytes = writeModel(graph, layout)
    const externalData = {
      size: () => data.length,
      read: (_: string, offset: number, length: number) => data.subarray(offset, offset + length),
    }
    expect(toFloat32(readModel(bytes, { externalData }).initializers.get('w') as never)).toEqual(
      toFloat32(graph.initializers.get('w') as never),
    )
    expect(() => readModel(bytes)).toThrow(/weights\.bin.*not provided/)
    expect(() => readModel(bytes, { externalData: { ...externalData, size: () => 10 } })).toThrow(/impossible/)
    const escaping = writeModel(graph, new Map([['w', { location: '../secret', offset: 0 }]]))
    expect(() => readModel(escaping, { externalData })).toThrow(/leaves the model's folder/)
    expect(() => externalLocations(escaping)).toThrow(/leaves the model's folder/)
    expect(externalLocations(bytes)).toEqual(['weights.bin'])
  })
  it('refuses cycles, dangling inputs, unknown operators and bytes that are no model', () => {
    const cyclic = linear()
    cyclic.nodes.push(
      { name: 'p', opType: 'Add', domain: '', inputs: ['q', 'y'], outputs: ['r'], attributes: {} },
      { name: 'q', opType: 'Neg', domain: '', inputs: ['r'], outputs: ['q'], attributes: {} },
    )
    expect(() => readModel(writeModel(cyclic))).toThrow(GraphError)
    const dangling = linear()
    dangling.nodes.push({ name: 'p', opType: 'Neg', domain: '', inputs: ['nowhere'], outputs: ['r'], attributes: {} })
    expect(() => readModel(writeModel(dangling))).toThrow(/"nowhere" is made by no node/)
    const unknown = linear()
    unknown.nodes.push({ name: 'strange', opType: 'Unique', domain: '', inputs: ['y'], outputs: ['r'], attributes: {} })
    expect(() => readModel(writeModel(unknown))).toThrow(UnsupportedOperatorError)
    expect(() => readModel(writeModel(unknown))).toThrow(/"strange".*Unique/)
    expect(() => readModel(new TextEncoder().encode('<html>not found</html>'))).toThrow(FormatError)
  })
})
