// Generation refuses a device that computes wrongly, by the runtime's self-test.

import { expect, it, vi } from 'vitest'
import { wrongDevice } from '../../../train/test/support/wrong-device.ts'
import { createGenerator, gpt2, parseGpt2Config, randomGpt2 } from '../../src/index.ts'

vi.mock('../../../train/src/runtime/ort.ts', async (original) =>
  (await import('../../../train/test/support/wrong-device.ts')).runtimeWithWrongDevice(await original()),
)

const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 1,
  n_head: 2,
  n_embd: 8,
  n_positions: 16,
  vocab_size: 20,
})

it('a device that computes wrongly is refused', async () => {
  wrongDevice.error = 1e-3
  const parameters = randomGpt2(config, { head: 'language-model' })
  const model = gpt2(config, parameters, { head: 'language-model', cache: true })
  await expect(createGenerator(model, { config, device: 'webgpu' })).rejects.toThrow(/"webgpu": it computes wrongly/)
})
