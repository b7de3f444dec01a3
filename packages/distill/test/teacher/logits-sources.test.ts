// A file of logits is opened wherever it lies.

import { float32, serializeSafetensors } from '@cola/graph'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EverySource, everySource, fileKinds, sourceKinds } from '../../../../tools/every-source.ts'
import { teacherFromFile } from '../../src/index.ts'
import { rowsOf } from '../support/sentences.ts'

const texts = rowsOf(10, 2).map(({ text }) => text)

describe('a file of logits is opened from', () => {
  const logits = Float32Array.from({ length: 20 }, (_, i) => i)
  let places: EverySource
  beforeAll(async () => {
    const bytes = serializeSafetensors(new Map([['train', float32([10, 2], logits)]]))
    places = await everySource({ 'a.txt': new Uint8Array(1), 'logits.safetensors': bytes.slice() })
  })
  afterAll(() => places.close())

  // Of a hub and of an address, the names in a folder are not known.
  it.each(sourceKinds.filter((kind) => !['hub', 'address'].includes(kind)))('%s', async (kind) => {
    const teacher = await teacherFromFile(places.source[kind], places.options)
    expect(await teacher.logits({ name: 'train', texts })).toEqual(logits)
  })
  it.each(fileKinds)('itself: %s', async (kind) => {
    const teacher = await teacherFromFile(places.one('logits.safetensors')[kind], places.options)
    expect(await teacher.logits({ name: 'train', texts })).toEqual(logits)
  })
  it.each(['hub', 'address'] as const)('no folder of an unknown file: %s', (kind) =>
    expect(teacherFromFile(places.source[kind], places.options)).rejects.toThrow(/no \.safetensors file.*of the file/),
  )
})
