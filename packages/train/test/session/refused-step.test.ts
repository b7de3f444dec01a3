// A step whose loss is not finite leaves nothing on the device: a caller may skip the batch and go on.

import { Tensor } from 'onnxruntime-common'
import { expect, it, vi } from 'vitest'
import { NonFiniteLossError, TrainingSession, sgd } from '../../src/index.ts'
import { OrtTensor, type OrtTensors } from '../../src/runtime/ort.ts'
import { artifactsOf, collate, rows } from '../support/tiny.ts'

const freed: string[] = []

/** A gradient as a device keeps it, which notes that it is freed. */
const onDevice = (name: string): OrtTensor =>
  Tensor.fromGpuBuffer({} as never, {
    dataType: 'float32',
    dims: [1],
    dispose: () => void freed.push(name),
    download: async () => new Float32Array(1),
  }) as OrtTensor

vi.mock('../../src/session/open-sessions.ts', () => ({
  openSessions: async () => ({
    training: {
      run: async (_: OrtTensors, fetches: readonly string[]) =>
        Object.fromEntries(
          fetches.map((name) => [
            name,
            name.includes('_grad')
              ? onDevice(name)
              : new OrtTensor('float32', Float32Array.of(name === 'loss' ? Number.NaN : 0), []),
          ]),
        ),
    },
    release: async () => undefined,
  }),
}))

it('frees the gradients of a step whose loss is not finite', async () => {
  const artifacts = artifactsOf(sgd())
  const session = await TrainingSession.create({ artifacts, device: 'cpu' })
  await expect(session.runTrainStep(collate(rows(4)))).rejects.toThrow(NonFiniteLossError)
  expect(freed).toEqual(artifacts.blocks.map(({ name }) => `${name}_grad.accumulation.out`))
  await session.release()
})
