import { join } from 'node:path'
import { generateArtifacts, sgd, TrainingSession } from '@cola/train'
import { expect, it } from 'vitest'
import { lora, nextTokenInputs, nextTokenLoss, openBase } from '../../src/index.ts'

it('the loss at labels, in pieces, runs on WebGPU, whose nodes have few outputs', async () => {
  const base = await openBase(join(import.meta.dirname, '../../../../examples/model'))
  const model = lora(base.languageModel(), { task_type: 'CAUSAL_LM', r: 2, lora_alpha: 4, init_lora_weights: false })
  const { vocab_size } = base
  // Eight pieces.
  const options = { labels: 2 ** 26 / vocab_size, vocab_size: vocab_size * 2 }
  const artifacts = generateArtifacts(model, {
    loss: nextTokenLoss(options),
    evalLoss: nextTokenLoss({ ...options, evaluation: true }),
    optimizer: sgd(),
  })
  const { batch, starts } = base.batches(model.graph)([{ input_ids: [4, 5, 6, 7] }, { input_ids: [8, 5, 9] }])
  const labels = [5, 6, 7].map((label, i) => ({ label, place: (starts[0] as number) + i }))
  const numbers = async (device: 'cpu' | 'webgpu') => {
    const session = await TrainingSession.create({ artifacts, device })
    const inputs = { ...batch, ...nextTokenInputs(labels, [6]) }
    const trained = await session.runTrainStep(inputs)
    await session.runOptimizerStep({ learningRate: 1 })
    const { loss, outputs } = await session.runEvalStep(inputs)
    await session.release()
    const [losses, logits] = [outputs.label_losses?.data ?? [], outputs.next_logits?.data ?? []]
    return [trained.loss, loss, ...losses, ...logits]
  }
  const expected = await numbers('cpu')
  expect(expected.length).toBe(2 + 32 + vocab_size)
  expect(await numbers('webgpu')).toBeAllclose(expected, { atol: 1e-5 })
})
