// A checkpoint, wherever it lies: the file itself, or the one of a name in a folder.

import { memorySink } from '@cola/data'
import { float32, toFloat32 } from '@cola/graph'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EverySource, everySource, fileKinds, sourceKinds } from '../../../../tools/every-source.ts'
import { FileError, loadCheckpoint, type RunState, saveCheckpoint } from '../../src/index.ts'

const state: RunState = {
  version: 2,
  fingerprint: 'a',
  step: 7,
  batches: 7,
  epoch: 0,
  batch: 7,
  epochSums: { terms: [], predictions: [], rows: [] },
  history: [],
}
const sink = memorySink()
const names = ['checkpoint.safetensors', 'best.safetensors', 'last.ckpt'] as const
names.forEach((name, i) => {
  saveCheckpoint(sink, new Map([['w', float32([2], [i, 0.5])]]), state, name)
})
let places: EverySource
beforeAll(async () => {
  places = await everySource(Object.fromEntries(sink.names().map((name) => [name, sink.read(name).slice()])))
})
afterAll(() => places.close())

const valuesOf = async (opened: ReturnType<typeof loadCheckpoint>) => {
  const { tensors, state: found } = await opened
  expect(found).toEqual(state)
  return [...toFloat32(tensors.get('w') as never)]
}

it.each(sourceKinds)('in a folder: %s', async (kind) => {
  const source = places.source[kind]
  expect(await valuesOf(loadCheckpoint(source, undefined, places.options))).toEqual([0, 0.5])
  expect(await valuesOf(loadCheckpoint(source, 'best.safetensors', places.options))).toEqual([1, 0.5])
})

it.each(fileKinds)('by itself: %s', async (kind) => {
  const source = places.one('best.safetensors')[kind]
  expect(await valuesOf(loadCheckpoint(source, undefined, places.options))).toEqual([1, 0.5])
})

it('by a path that ends otherwise', async () =>
  expect(await valuesOf(loadCheckpoint(places.one('last.ckpt').path))).toEqual([2, 0.5]))

it('is written to a path too', async () => {
  const path = `${places.source.folder}/written.ckpt`
  saveCheckpoint(path, new Map([['w', float32([2], [3, 0.5])]]), state)
  expect(await valuesOf(loadCheckpoint(path))).toEqual([3, 0.5])
})

it('says what is not there', async () => {
  const { folder, address, hub } = places.source
  await expect(loadCheckpoint(`${folder}/other.safetensors`)).rejects.toThrow(FileError)
  await expect(loadCheckpoint(`${folder}/other.safetensors`)).rejects.toThrow(/other\.safetensors: no such file/)
  await expect(loadCheckpoint(folder, 'other.safetensors')).rejects.toThrow(/no such file, found best\.safetensors/)
  await expect(loadCheckpoint(address, 'other.safetensors', places.options)).rejects.toThrow(/status 404/)
  await expect(loadCheckpoint(hub, 'other.safetensors', places.options)).rejects.toThrow(/repository has no such file/)
})
