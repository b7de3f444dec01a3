import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { TrainingSession, adamw, loadArtifacts, saveArtifacts, sgd } from '../../src/index.ts'
import { artifactsOf, collate, rows } from '../support/tiny.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-test-'))
afterAll(() => rmSync(folder, { recursive: true }))
const open = (artifacts = artifactsOf(sgd()), seed = 0) => TrainingSession.create({ artifacts, device: 'cpu', seed })

describe('artifacts on disk', () => {
  it('train to the same bits after a save and a load', async () => {
    const artifacts = artifactsOf(adamw({ max_grad_norm: 1 }), { dropout: 0.3 })
    const place = join(folder, 'artifacts')
    saveArtifacts(place, artifacts)
    expect(readdirSync(place).sort()).toEqual([
      'checkpoint',
      'eval_model.onnx',
      'optimizer_model.onnx',
      'training_model.onnx',
    ])
    const train = async (from: typeof artifacts) => {
      const session = await open(from, 4)
      for (let step = 0; step < 5; step++) {
        session.lazyResetGrad()
        await session.runTrainStep(collate(rows(8, step)))
        await session.runOptimizerStep({ learningRate: 0.01 })
      }
      const parameters = await session.getContiguousParameters()
      await session.release()
      return parameters
    }
    expect(await train(loadArtifacts(place))).toEqual(await train(artifacts))
  })
})
