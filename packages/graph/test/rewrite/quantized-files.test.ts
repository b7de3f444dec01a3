// Files of onnxruntime's quantize_dynamic with ConvInteger and DynamicQuantizeLSTM (test/make-quantized.py).

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { lower, packMatrices, parseSafetensors, prune, readModel, type Tensor, toFloat32 } from '../../src/index.ts'
import { run } from '../support/run.ts'

const fixtures = join(import.meta.dirname, '../fixtures/quantized')
const names = readdirSync(fixtures).flatMap((file) => /^(.*)\.onnx$/.exec(file)?.[1] ?? [])

describe.each(names)('%s', (name) => {
  const graph = readModel(readFileSync(join(fixtures, `${name}.onnx`)))
  const { tensors } = parseSafetensors(readFileSync(join(fixtures, `${name}.safetensors`)))
  const expected = (key: string): number[] => Array.from(toFloat32(tensors.get(key) as Tensor))

  it('is read as Conv, LSTM and products of dequantized parameters', () => {
    const operators = graph.nodes.map(({ opType }) => opType)
    expect(operators).toEqual(expect.arrayContaining(['Conv', 'LSTM', 'MatMul']))
    expect(operators.filter((operator) => /Quantize|Integer/.test(operator))).toEqual([])
    expect(graph.initializers.has('patches.weight')).toBe(true)
  })

  it('computes what the runtime’s float kernels do, near what the file computes', async () => {
    const runnable = packMatrices(lower(graph))
    prune(runnable)
    const y = (await run(runnable, { x: tensors.get('x') as Tensor })).get('y')?.data ?? []
    expect(y).toBeAllclose(expected('y'), { atol: 1e-6, rtol: 1e-5 })
    expect(y).toBeAllclose(expected('of_file'), { atol: 0.01 })
  })
})
