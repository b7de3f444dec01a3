import { existsSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { hasFiles } from '@cola/data'
import { defaultDevice, type Device, DeviceError, sgd, TrainingSession } from '../../src/index.ts'
import { resolveDevice } from '../../src/runtime/resolve-device.ts'
import { probeGraph } from '../../src/runtime/probe-graph.ts'
import { checkSelfTest, selfTest } from '../../src/session/self-test.ts'
import { artifactsOf } from '../support/tiny.ts'

/** What a device computes for the self-test. */
async function computed(device: Device): Promise<[number, number[]]> {
  const { artifacts, batch } = selfTest()
  const session = await TrainingSession.create({ artifacts, device })
  const { loss } = await session.runTrainStep(batch)
  const gradients = [...(await session.getGradients()).values()].flatMap((value) =>
    Array.from(new Float32Array(value.bytes().slice().buffer)),
  )
  await session.release()
  return [loss, gradients]
}

const hasSoftwareGpu = hasFiles() && existsSync(process.env.VK_ICD_FILENAMES ?? '')

describe('the self-test', () => {
  it('accepts what the processor computes, and nothing that is off', async () => {
    const [loss, gradients] = await computed(defaultDevice())
    expect(() => checkSelfTest('webgpu', loss, gradients)).not.toThrow()
    expect(gradients.length).toBe(36)
    for (const at of [0, 5, 35]) {
      const wrong = gradients.map((value, i) => (i === at ? value + 1e-3 : value))
      expect(() => checkSelfTest('webgpu', loss, wrong)).toThrow(DeviceError)
      expect(() => checkSelfTest('webgpu', loss, wrong)).toThrow(new RegExp(`number ${at + 1} of the gradients`))
    }
    expect(() => checkSelfTest('webgpu', Number.NaN, gradients)).toThrow(/computes wrongly: the loss/)
    expect(() => checkSelfTest('webgpu', loss, gradients.slice(1))).toThrow(DeviceError)
  })
  it.skipIf(!hasSoftwareGpu)('passes on webgpu, where every session waits for it', async () => {
    const [loss, gradients] = await computed('webgpu')
    expect(() => checkSelfTest('webgpu', loss, gradients)).not.toThrow()
  })
  it.skipIf(!hasSoftwareGpu)('auto leaves a software adapter alone, and says so', async () => {
    const warnings: string[] = []
    expect(await resolveDevice('auto', probeGraph(), (message) => warnings.push(message))).toBe('cpu')
    const slow = /"webgpu" is left alone: it multiplies \d{2,} times slower than "cpu", as software adapters do\./
    expect(warnings).toEqual([expect.stringMatching(slow)])
  })
  it.skipIf(!hasSoftwareGpu)('of float16 refuses an adapter without it, before weights are uploaded', async () => {
    const artifacts = artifactsOf(sgd(), { width: 64, frozenProducts: 'float16' })
    const refused = TrainingSession.create({ artifacts, device: 'webgpu' })
    await expect(refused).rejects.toThrow(DeviceError)
    await expect(refused).rejects.toThrow(/"webgpu": it has no float16, .*shader-f16.*frozenProducts: 'float32'/s)
  })
})
