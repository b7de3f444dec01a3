// A session that evaluates a model and does not train it: one copy of the weights, and its loss beside its outputs.

import type { Loss, Model } from '@cola/graph'
import { evaluationModel } from '../artifacts/generate.ts'
import type { Device } from '../runtime/devices.ts'
import { openSession, resolveDevice } from '../runtime/open-session.ts'
import { feedsOf } from './feeds.ts'
import { lossCounts } from './means.ts'
import { resultOf } from './result.ts'
import type { TrainingSession } from './training-session.ts'

export interface EvaluationOptions {
  loss: Loss
  /** @default 'auto' */
  device?: Device
}

/** What runs a model on batches: this session, or a {@link TrainingSession}. */
export type EvaluationSession = Pick<TrainingSession, 'runEvalStep' | 'release'>

/**
 * Opens a model for evaluation.
 * @throws {DeviceError} when the device is not there, {ModelError} for a model that the runtime refuses.
 */
export async function openEvaluation(
  model: Model,
  { loss, device = 'auto' }: EvaluationOptions,
): Promise<EvaluationSession> {
  const { graph, terms } = evaluationModel(model, loss)
  const session = await openSession({ graph }, await resolveDevice(device, graph))
  return {
    runEvalStep: async (batch) => {
      const { feeds } = feedsOf(graph, graph.inputs, batch)
      return resultOf(await session.run(feeds), graph.outputs, lossCounts(terms, batch))
    },
    release: () => session.release(),
  }
}
