// A saved student is opened wherever its files lie.

import { memorySink } from '@cola/data'
import { parseSafetensors, toFloat32, type Tensor } from '@cola/graph'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type EverySource, everySource, sourceKinds } from '../../../../tools/every-source.ts'
import { createStudent, loadStudent, parseDistilRnnConfig, saveStudent } from '../../src/index.ts'
import { sizes, startOf } from '../support/students.ts'

describe('a saved student is opened from', () => {
  const config = parseDistilRnnConfig({ ...sizes, cell: 'gru' })
  const sink = memorySink()
  let places: EverySource
  beforeAll(async () => {
    const student = createStudent({ config, sentences: [[3, 4, 5]], seed: 3 })
    saveStudent(sink, { config, parameters: student.parameters(startOf(student)) })
    places = await everySource(Object.fromEntries(sink.names().map((name) => [name, sink.read(name).slice()])))
  })
  afterAll(() => places.close())

  it.each(sourceKinds)('%s', async (kind) => {
    const { config: found, parameters } = await loadStudent(places.source[kind], places.options)
    expect(found).toEqual(config)
    const [expected] = parseSafetensors(sink.read('model.safetensors')).tensors
    const [name, tensor] = expected as [string, Tensor]
    expect(toFloat32(parameters.get(name) as Tensor)).toEqual(toFloat32(tensor))
  })
})
