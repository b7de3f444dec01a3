// What WebAssembly's passes make, the runtime leaves as it is: its own optimizers would fold transposes back into
// products.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addInput, build, createGraph, readModel, writeModel } from '@cola/graph'
import { afterAll, expect, it } from 'vitest'
import { graphFor, type ResolvedDevice } from '../../src/runtime/devices.ts'
import { sessionOptions } from '../../src/runtime/open-session.ts'
import { createOrtSession } from '../../src/runtime/ort.ts'

const folder = mkdtempSync(join(tmpdir(), 'wasm-passes-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Operators of a product with few columns, as the processor's runtime optimizes it with a device's options. */
async function optimized(device: ResolvedDevice): Promise<string[]> {
  const graph = createGraph('narrow')
  const g = build(graph)
  const x = addInput(graph, 'x', 'float32', ['rows', 32])
  g.node('Gemm', [x, addInput(graph, 'w', 'float32', [32, 8])], { outputs: ['y'] })
  graph.outputs = ['y']
  const optimizedModelFilePath = join(folder, `${device}.onnx`)
  const session = await createOrtSession('cpu', writeModel(await graphFor('wasm', graph)), {
    ...sessionOptions(device, graph),
    executionProviders: ['cpu'],
    optimizedModelFilePath,
  })
  await session.release()
  return readModel(readFileSync(optimizedModelFilePath)).nodes.map(({ opType }) => opType)
}

it('transposed products stay transposed on wasm', async () => {
  expect(await optimized('wasm')).toEqual(['Gemm', 'Transpose'])
  expect(await optimized('cpu')).toEqual(['Gemm'])
})
