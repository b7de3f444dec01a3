// Which of the two is to blame when no session can be created: the device, or the model.

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  GraphError,
  ShapeError,
  addInitializer,
  addInput,
  build,
  createGraph,
  float32ToFloat16,
  tensor,
  type Graph,
  type Node,
  writeModel,
} from '@cola/graph'
import { afterAll, describe, expect, it } from 'vitest'
import { DeviceError, FileError, ModelError, openSession, resolveDevice, writeModels } from '../../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-refusal-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** A model file with these nodes between x and y, float32 [2, 2], which nothing checked. */
function modelFile(...nodes: readonly (Pick<Node, 'opType' | 'name'> & Partial<Node>)[]): {
  graph: Graph
  path: string
} {
  const graph = createGraph('main_graph')
  addInput(graph, 'x', 'float32', [2, 2])
  addInitializer(graph, 'half', tensor('float16', [2, 2], float32ToFloat16(Float32Array.of(1, 2, 3, 4))))
  addInitializer(graph, 'three', tensor('float32', [3, 2], new Float32Array(6)))
  graph.values.set('y', { name: 'y', dtype: 'float32', shape: [2, 2] })
  graph.outputs = ['y']
  for (const [i, node] of nodes.entries())
    graph.nodes.push({
      domain: '',
      inputs: [i === 0 ? 'x' : `v${i}`],
      outputs: [i === nodes.length - 1 ? 'y' : `v${i + 1}`],
      attributes: {},
      ...node,
    })
  const path = join(folder, `${nodes.map(({ name }) => name).join('-')}.onnx`)
  writeFileSync(path, writeModel(graph))
  return { graph, path }
}

describe('a model that the runtime refuses', () => {
  it.each([
    [
      'mixed types',
      modelFile({ name: 'score', opType: 'MatMul', inputs: ['x', 'half'] }),
      'score',
      /bound to different types/,
    ],
    ['an unknown operator', modelFile({ name: 'odd', opType: 'Strange' }), 'odd', /No Op registered/],
    [
      'a type without a kernel',
      modelFile(
        { name: 'to', opType: 'Cast', attributes: { to: 16 } },
        { name: 'erf', opType: 'Erf' },
        { name: 'back', opType: 'Cast', attributes: { to: 1 } },
      ),
      'erf',
      /Could not find an implementation/,
    ],
    [
      'shapes that do not fit',
      modelFile({ name: 'product', opType: 'MatMul', inputs: ['x', 'three'] }),
      'product',
      /Incompatible dimensions/,
    ],
  ])('is blamed for %s, by its node, and not the installation', async (_, model, node, message) => {
    const error = await openSession(model, 'cpu').catch((cause: ModelError) => cause)
    expect(error).toBeInstanceOf(ModelError)
    expect((error as ModelError).problem.where).toBe(`model "main_graph", node "${node}"`)
    expect((error as ModelError).message).toMatch(message)
    expect((error as ModelError).message).not.toMatch(/install onnxruntime/i)
  })
  it('is a ModelError on "auto" too', async () => {
    const { graph } = modelFile({ name: 'odd', opType: 'Strange' })
    await expect(resolveDevice('auto', graph)).rejects.toThrow(ModelError)
  })
  it('is a DeviceError if the device is not available', async () => {
    const { graph } = modelFile({ name: 'same', opType: 'Identity' })
    await expect(openSession({ graph }, 'cuda')).rejects.toThrow(DeviceError)
  })
  it('is a FileError if a file is missing', async () => {
    const { graph } = modelFile({ name: 'same', opType: 'Identity' })
    const missing = () => {
      throw new FileError({ where: 'weights.bin', what: 'missing' })
    }
    graph.initializers.set('w', { dtype: 'float32', dims: [2 ** 20], bytes: missing })
    graph.values.set('w', { name: 'w', dtype: 'float32', shape: [2 ** 20] })
    await expect(openSession({ graph }, 'cpu')).rejects.toThrow(FileError)
  })
})

describe('a graph with inconsistent types', () => {
  it('is neither written nor opened', async () => {
    const graph = createGraph('mixed')
    const [x, w] = [
      addInput(graph, 'x', 'float32', [2, 2]),
      addInitializer(graph, 'w', tensor('float32', [2, 2], new Float32Array(4))),
    ]
    build(graph).node('MatMul', [x, w], { name: 'score', outputs: ['y'] })
    graph.outputs = ['y']
    graph.initializers.set('w', tensor('float16', [2, 2], new Uint16Array(4)))
    const message =
      /initializer "w": its element type is not the one that the graph declares, expected float32, found float16/
    expect(() => writeModels(join(folder, 'mixed'), { model: graph })).toThrow(GraphError)
    expect(() => writeModels(join(folder, 'mixed'), { model: graph })).toThrow(message)
    expect(existsSync(join(folder, 'mixed'))).toBe(false)
    await expect(openSession({ graph }, 'cpu')).rejects.toThrow(message)
    graph.values.set('w', { name: 'w', dtype: 'float16', shape: [2, 2] })
    expect(() => writeModels(join(folder, 'mixed'), { model: graph })).toThrow(ShapeError)
    expect(() => writeModels(join(folder, 'mixed'), { model: graph })).toThrow(
      /MatMul "score": element types of "x" and "w" differ, expected float32, found float16/,
    )
  })
})

it('wasm is no device of Node, whatever is installed', async () => {
  await expect(openSession(modelFile({ opType: 'Relu', name: 'relu' }), 'wasm')).rejects.toThrow(
    /^device "wasm": Node has no such device\. Use "cpu", "webgpu" or "cuda"\.$/,
  )
})
