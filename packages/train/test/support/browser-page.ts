// Runs in the browser: trains the tiny model on a device and gives its losses to the test.

import { adamw, configureRuntime, type Device, type FrozenProducts, TrainingSession } from '../../src/index.ts'
import { artifactsOf, collate, rows } from './tiny.ts'

/** Losses of a few steps, and the last gradient's sum. */
export async function trainTiny(device: Device, frozenProducts: FrozenProducts = 'float32'): Promise<number[]> {
  const artifacts = artifactsOf(adamw({ max_grad_norm: 1 }), {
    dropout: 0.2,
    width: frozenProducts === 'int8' ? 64 : 8,
    frozenProducts,
  })
  const session = await TrainingSession.create({ artifacts, device, seed: 3 })
  const losses: number[] = []
  for (let step = 0; step < 6; step++) {
    session.lazyResetGrad()
    losses.push((await session.runTrainStep(collate(rows(16, step)))).loss)
    await session.runOptimizerStep({ learningRate: 0.05 })
  }
  losses.push(
    (await session.runEvalStep(collate(rows(16, 99)))).loss,
    (await session.getContiguousParameters()).reduce((a, b) => a + b),
  )
  await session.release()
  return losses
}

Object.assign(globalThis, { trainTiny, configureRuntime })
