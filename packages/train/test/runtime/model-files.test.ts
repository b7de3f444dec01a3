// Weights outside of the ONNX file, in files of any size.

import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addInitializer, build, createGraph, float32, readModel, toFloat32, type Tensor, writeModel } from '@cola/graph'
import { expect, it } from 'vitest'
import { externalDataOf } from '../../src/index.ts'

it('reads weights at offsets of several gigabytes', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cola-external-'))
  try {
    const offset = 5 * 2 ** 30
    const file = openSync(join(folder, 'far.bin'), 'w')
    // What lies before is a hole, which takes no room on the disk.
    writeSync(file, new Uint8Array(Float32Array.of(1.5, -2).buffer), 0, 8, offset)
    closeSync(file)
    const graph = createGraph('far')
    build(graph).node('Identity', [addInitializer(graph, 'w', float32([2], [0, 0]))], { outputs: ['y'] })
    graph.outputs = ['y']
    const bytes = writeModel(graph, new Map([['w', { location: 'far.bin', offset }]]))
    const { initializers } = readModel(bytes, { externalData: externalDataOf(folder) })
    expect(toFloat32(initializers.get('w') as Tensor)).toEqual(Float32Array.of(1.5, -2))
  } finally {
    rmSync(folder, { recursive: true })
  }
})
