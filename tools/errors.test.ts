// One class is the base of every error that the packages throw, whichever package it comes from, and each package has it.

import * as data from '@cola/data'
import * as distill from '@cola/distill'
import * as graph from '@cola/graph'
import * as lora from '@cola/lora'
import * as rnn from '@cola/rnn'
import * as train from '@cola/train'
import { describe, expect, it } from 'vitest'

const packages = { graph, data, train, lora, rnn, distill }

describe.each(Object.entries(packages))('@cola/%s', (_, exported) => {
  it('exports the base of all errors', () => {
    expect(exported.ColaError).toBe(graph.ColaError)
  })

  it.each(
    Object.entries(exported).filter(([, value]) => typeof value === 'function' && value.prototype instanceof Error),
  )('exports %s as one of its classes, with a problem', (name, value) => {
    const Class = value as typeof graph.ColaError
    const problem = { where: 'here', what: 'nothing is right', expected: 'more', found: 'less', fix: 'Try it again.' }
    const error = new Class(problem)
    expect(error).toBeInstanceOf(graph.ColaError)
    expect(error).toMatchObject({ name, problem })
    expect(error.message).toBe('here: nothing is right, expected more, found less. Try it again.')
  })
})

it('catches errors of data, of the hub, of graphs, of options and of models as one class', async () => {
  const offline = { offline: true, cacheDir: 'nowhere' }
  for (const run of [
    () => data.parseTable('text,label\n', 'csv'),
    () => data.openFiles('nobody/nothing', offline),
    () => graph.readModel(Uint8Array.of(1, 2, 3)),
    () => train.adam({ betas: [2, 2] }),
    () => lora.openBase('nobody/nothing', offline),
    () => lora.parseAdapterConfig({ peft_type: 'NONE' } as never),
    () => rnn.parseDistilRnnConfig(null),
    () => distill.pairLoss('no loss' as never, { student: [], teacher: [], width: 1 }),
  ])
    await expect((async () => run())(), String(run)).rejects.toBeInstanceOf(distill.ColaError)
})
