// Generation refuses a device that computes wrongly, by the runtime's self-test.

import { expect, it, vi } from 'vitest'
import { wrongDevice } from '../../../train/test/support/wrong-device.ts'
import { createGenerator, gpt2, randomGpt2 } from '../../src/index.ts'
import { config } from '../support/padded-gpt2.ts'

vi.mock('../../../train/src/runtime/ort.ts', async (original) =>
  (await import('../../../train/test/support/wrong-device.ts')).runtimeWithWrongDevice(await original()),
)
vi.mock(
  '../../../train/src/runtime/missing-adapter.ts',
  async () => (await import('../../../train/test/support/wrong-device.ts')).anAdapter,
)

it('a device that computes wrongly is refused', async () => {
  wrongDevice.error = 1e-3
  const parameters = randomGpt2(config, { head: 'language-model' })
  const model = gpt2(config, parameters, { head: 'language-model', cache: true })
  await expect(createGenerator(model, { config, device: 'webgpu' })).rejects.toThrow(/"webgpu": it computes wrongly/)
})
