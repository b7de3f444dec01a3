// A decoder with two adapters as inputs: each generates what it generates alone, and their files are read back.

import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toFloat32 } from '@cola/graph'
import { OrtTensor, readSafetensorsFile } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportAdapters, switchable } from '../../src/index.ts'
import { read } from '../support/decoder-files.ts'
import { greedy as greedyOf } from '../support/exported-decoder.ts'
import { genai, hasGenai } from '../support/genai.ts'
import { readOnnxAdapter } from '../support/read-onnx-adapter.ts'
import { type TwoAdapters, twoAdapters } from '../support/two-adapters.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-export-adapters-'))
afterAll(() => rmSync(out, { recursive: true }))

const names = ['peft', 'own', 'peft'] as const
const [required, overridable] = [join(out, 'required'), join(out, 'overridable')]
const pathOf = (name: string) => join(overridable, 'adapters', `${name}.onnx_adapter`)
let two: TwoAdapters
beforeAll(async () => {
  two = await twoAdapters(out)
  await exportAdapters(required, two.base, two.adapters)
  await exportAdapters(overridable, two.base, two.adapters, { inputs: 'overridable' })
})

describe('two adapters as inputs', () => {
  it('give each the tokens that it gives alone, in turn', async () => {
    const { prompt, greedy } = two
    expect(greedy.own).not.toEqual(greedy.peft)
    expect(greedy.own.length).toBe(greedy.peft.length)
    const scale = (value: number) => new OrtTensor('float32', Float32Array.of(value), [])
    for (const name of names) {
      const { tensors } = readSafetensorsFile(join(required, 'adapters', `${name}.safetensors`))
      const matrices = Object.fromEntries(
        [...tensors].map(([key, value]) => [key, new OrtTensor('float32', toFloat32(value), value.dims)]),
      )
      const others = { ...matrices, lora_scale: scale(1) }
      expect(await greedyOf(required, prompt, greedy[name].length, { others }), name).toEqual(greedy[name])
    }
  })

  it('of native runtimes: their files have each matrix, by its input', async () => {
    const decoder = two.base.cachedLanguageModel()
    const model = switchable(decoder as NonNullable<typeof decoder>, two.adapters, { inputs: 'overridable' })
    for (const name of ['peft', 'own'] as const) {
      const { version, parameters } = readOnnxAdapter(read(pathOf(name)))
      expect(version).toBe(1)
      const expected = Object.entries(model.feeds(name)).map(
        ([key, { data, dims }]) => [key, { shape: [...dims], values: [...(data as Float32Array)] }] as const,
      )
      expect(expected.length).toBeGreaterThan(20)
      expect(parameters).toEqual(Object.fromEntries(expected))
    }
  })
})

it('are not written into the folder of their base', async () => {
  const folder = join(out, 'base')
  const base = { ...two.base, folder, files: { ...two.base.files, path: (file: string) => join(folder, file) } }
  await expect(exportAdapters(`${folder}/`, base, two.adapters)).rejects.toThrow(/^exportAdapters, .*base model lies/)
  expect(existsSync(folder)).toBe(false)
})

describe.skipIf(!hasGenai)('onnxruntime-genai', () => {
  it('goes on with each adapter as it does alone', () => {
    const { prompt, greedy } = two
    const runs = names.map((adapter) => ({ folder: overridable, prompt, count: greedy[adapter].length, adapter }))
    expect(genai({ runs }).tokens).toEqual(names.map((name) => greedy[name]))
  })

  it('has a runtime that reads the files as the test does', () => {
    const paths = (['peft', 'own'] as const).map(pathOf)
    expect(genai({ adapters: paths }).adapters).toEqual(paths.map((path) => readOnnxAdapter(read(path)).parameters))
  })
})
