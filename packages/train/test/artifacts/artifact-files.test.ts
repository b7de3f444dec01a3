import { expect, it } from 'vitest'
import { storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { adamw, defaultDevice, loadArtifacts, saveArtifacts, TrainingSession } from '../../src/index.ts'
import { artifactsOf, collate, rows } from '../support/tiny.ts'

const folder = temporaryFolders()

it('artifacts train to the same bits after a save and a load', async () => {
  const artifacts = artifactsOf(adamw({ max_grad_norm: 1 }), { dropout: 0.3 })
  const place = folder('artifacts')
  saveArtifacts(place, artifacts)
  expect(storeOf(place).names()).toEqual([
    'checkpoint',
    'eval_model.onnx',
    'optimizer_model.onnx',
    'training_model.onnx',
  ])
  const train = async (from: typeof artifacts) => {
    const session = await TrainingSession.create({ artifacts: from, device: defaultDevice(), seed: 4 })
    for (let step = 0; step < 5; step++) {
      session.lazyResetGrad()
      await session.runTrainStep(collate(rows(8, step)))
      await session.runOptimizerStep({ learningRate: 0.01 })
    }
    const parameters = await session.getContiguousParameters()
    await session.release()
    return parameters
  }
  expect(await train(await loadArtifacts(place))).toEqual(await train(artifacts))
})
