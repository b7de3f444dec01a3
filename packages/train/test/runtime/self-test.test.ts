// Every session on a device with a self-test waits for it: a WebGPU that computes wrongly is refused.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { memoryFiles } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { adamw, crossEntropy, DeviceError, loadClassifier, openEvaluation, TrainingSession } from '../../src/index.ts'
import { defaultDevice } from '../../src/runtime/devices.ts'
import { openSession } from '../../src/runtime/open-session.ts'
import { resolveDevice } from '../../src/runtime/resolve-device.ts'
import { probeGraph } from '../../src/runtime/probe-graph.ts'
import { artifactsOf, collate, rows, tinyModel } from '../support/tiny.ts'
import { wrongDevice } from '../support/wrong-device.ts'

vi.mock('../../src/runtime/ort.ts', async (original) =>
  (await import('../support/wrong-device.ts')).runtimeWithWrongDevice(await original()),
)
vi.mock('../../src/runtime/missing-adapter.ts', async () => (await import('../support/wrong-device.ts')).anAdapter)

const { tokenizer } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../data/test/fixtures/truncation.json'), 'utf8'),
).bert
const text = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const classifier = memoryFiles(
  new Map([
    ['model.onnx', readFileSync(join(import.meta.dirname, '../fixtures/classifiers/plain.onnx'))],
    ['config.json', text({ id2label: { 0: 'no', 1: 'maybe', 2: 'yes' } })],
    ['tokenizer.json', text(tokenizer)],
    ['tokenizer_config.json', text({})],
  ]),
)
const evaluation = () => openEvaluation(tinyModel(), { loss: crossEntropy(), device: 'webgpu' })

describe.each([1e-3, Number.NaN])('a device that is %d off', (error) => {
  it.each([
    ['openSession', () => openSession({ graph: probeGraph() }, 'webgpu')],
    ['openEvaluation', evaluation],
    ['loadClassifier', () => loadClassifier(classifier, { device: 'webgpu' })],
    ['TrainingSession', () => TrainingSession.create({ artifacts: artifactsOf(adamw()), device: 'webgpu' })],
  ])('is refused by %s', async (_, open) => {
    wrongDevice.error = error
    await expect(open()).rejects.toThrow(DeviceError)
    await expect(open()).rejects.toThrow(/device "webgpu": it computes wrongly: number 1 of the logits of a self-test/)
  })
  it('is left alone by auto', async () => {
    wrongDevice.error = error
    expect(await resolveDevice('auto', probeGraph())).toBe(defaultDevice())
  })
})

describe('a device whose gradients alone are off', () => {
  beforeAll(() => Object.assign(wrongDevice, { error: 1e-3, gradientsAlone: true }))
  afterAll(() => Object.assign(wrongDevice, { error: 0, gradientsAlone: false }))

  it('is refused by TrainingSession, each time', async () => {
    for (let time = 0; time < 2; time++)
      await expect(TrainingSession.create({ artifacts: artifactsOf(adamw()), device: 'webgpu' })).rejects.toThrow(
        /device "webgpu": it computes wrongly: number 1 of the gradients of a self-test/,
      )
  })
  it('computes forward passes', async () => {
    const session = await evaluation()
    expect((await session.runEvalStep(collate(rows(4)))).loss).toBeGreaterThan(0)
    await session.release()
  })
})

it('a device that computes rightly passes, and is tested once', async () => {
  wrongDevice.error = 0
  const session = await evaluation()
  const { loss } = await session.runEvalStep(collate(rows(4)))
  await session.release()
  // A device that goes wrong later is not found out: the test is one of the start.
  wrongDevice.error = 1e-3
  const later = await evaluation()
  expect((await later.runEvalStep(collate(rows(4)))).loss).toBeCloseTo(loss + 1e-3, 6)
  await later.release()
})
