// `auto` measures a device before it reads the model for it, and opens the model once.

import { addInput, build, createGraph, type Graph } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  defaultDevice,
  DeviceError,
  ModelError,
  openResolved,
  OrtTensor,
  type ResolvedSession,
} from '../../src/index.ts'

type ResolvedDevice = ResolvedSession['device']

function twice(opType = 'Add'): Graph {
  const graph = createGraph('twice')
  const x = addInput(graph, 'x', 'float32', [2])
  build(graph).node('Add', [x, x], { outputs: ['y'] })
  graph.nodes = graph.nodes.map((node) => ({ ...node, opType }))
  graph.outputs = ['y']
  return graph
}

/** The devices that a model is asked for, and what was opened. */
async function opened(device: ResolvedDevice | 'auto', modelFor = (_: ResolvedDevice) => ({ graph: twice() })) {
  const asked: ResolvedDevice[] = []
  const result = await openResolved(device, (one) => {
    asked.push(one)
    return modelFor(one)
  })
  return { ...result, asked: asked.filter((one) => one !== 'cuda') }
}

describe('openResolved', () => {
  it.each(['auto', defaultDevice()] as const)('opens the model once, as the device runs it: %s', async (device) => {
    const { asked, session, device: found, model } = await opened(device)
    expect([asked, found]).toEqual([[defaultDevice()], defaultDevice()])
    expect(model.graph.name).toBe('twice')
    const { y } = await session.run({ x: new OrtTensor('float32', Float32Array.of(1, 2), [2]) })
    expect([...((y as OrtTensor).data as Float32Array)]).toEqual([2, 4])
    await session.release()
  })
  it('throws what refused the model, and what is no device', async () => {
    await expect(opened('auto', () => ({ graph: twice('Strange') }))).rejects.toThrow(ModelError)
    await expect(opened('gpu' as never)).rejects.toThrow(DeviceError)
  })
})
