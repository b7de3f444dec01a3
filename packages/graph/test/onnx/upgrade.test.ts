// Files of operator sets 11 to 23, read into the forms of 20; make-opsets.py made them and what ONNX Runtime computes.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  UnsupportedOperatorError,
  addInput,
  build,
  createGraph,
  lower,
  opset,
  readModel,
  tensor,
  writeModel,
} from '../../src/index.ts'
import { run } from '../support/run.ts'

interface Numbers {
  dtype: string
  dims: number[]
  data: (number | boolean)[]
}

const folder = join(import.meta.dirname, '../fixtures/opsets')

const cases = JSON.parse(readFileSync(join(folder, 'cases.json'), 'utf8')) as Record<
  string,
  { inputs: Record<string, Numbers>; outputs: Record<string, Numbers> }
>

function tensorOf({ dtype, dims, data }: Numbers) {
  if (dtype === 'int64') return tensor('int64', dims, BigInt64Array.from(data as number[], BigInt))
  if (dtype === 'bool') return tensor('bool', dims, Uint8Array.from(data as number[], Number))
  return tensor('float32', dims, Float32Array.from(data as number[]))
}

describe('an older or newer operator', () => {
  it.each(Object.keys(cases))('%s computes what the runtime does with the file as it is', async (name) => {
    const { inputs, outputs } = cases[name] as (typeof cases)[string]
    const graph = readModel(readFileSync(join(folder, `${name}.onnx`)))
    expect(graph.opset).toBe(opset)
    const feeds = Object.fromEntries(Object.entries(inputs).map(([key, value]) => [key, tensorOf(value)]))
    const { dims, data } = (await run(lower(graph), feeds)).get('y') ?? {}
    expect(dims).toEqual(outputs.y?.dims)
    expect(Float32Array.from(data ?? [])).toBeAllclose(Float32Array.from((outputs.y?.data ?? []) as number[]), {
      atol: 1e-5,
    })
  })

  it('in an unsupported form is refused, by node and attribute', () => {
    const graph = createGraph('cached')
    const inputs = ['q', 'k', 'v'].map((name) => addInput(graph, name, 'float32', [2, 3, 8]))
    build(graph).node('Concat', inputs, { outputs: ['y'], attributes: { axis: 0 } })
    graph.outputs = ['y']
    graph.nodes = graph.nodes.map((node) => ({ ...node, opType: 'Attention', attributes: {} }))
    expect(() => readModel(writeModel(graph))).toThrow(UnsupportedOperatorError)
    expect(() => readModel(writeModel(graph))).toThrow(/node "y", operator Attention: attribute "q_num_heads"/)
  })
})
