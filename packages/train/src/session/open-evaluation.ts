// Opens a model for evaluation without training: one copy of the weights, with the loss as an output.

import { requireKind } from '@cola/graph/door'
import { callable, type Checks, checkOptions, requireOptions, text } from '@cola/graph/options'
import type { Loss, Model } from '@cola/graph'
import { evaluationModel } from '../artifacts/model-with-loss.ts'
import type { Device } from '../runtime/devices.ts'
import { openResolved } from '../runtime/resolve-device.ts'
import { feedsOf } from './feeds.ts'
import { lossCounts } from './loss-counts.ts'
import { stepResultOf } from './step-result.ts'
import type { TrainingSession } from './training-session.ts'

/** Options of {@link openEvaluation}. */
export interface EvaluationOptions {
  loss: Loss
  /** @default 'auto' */
  device?: Device
}

/** A session that evaluates batches: of {@link openEvaluation}, or a {@link TrainingSession}. */
export type EvaluationSession = Pick<TrainingSession, 'runEvalStep' | 'release'>

const checks: Checks<EvaluationOptions> = { loss: callable, device: text }

/**
 * Opens a model for evaluation.
 * @throws {DeviceError} when the device is not available, {ModelError} for a model that the runtime refuses.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export async function openEvaluation(model: Model, options: EvaluationOptions): Promise<EvaluationSession> {
  checkOptions('openEvaluation', options, checks)
  requireOptions('openEvaluation', options, checks, ['loss'])
  requireKind('openEvaluation, model', model, 'model')
  const { loss, device = 'auto' } = options
  const { graph, terms } = evaluationModel(model, loss)
  const { device: resolved, session } = await openResolved(device, () => ({ graph }))
  return {
    runEvalStep: async (batch) => {
      const { feeds } = feedsOf(graph, graph.inputs, batch)
      const results = await session.run(feeds).catch(async (cause) => {
        throw (await import('../runtime/run-error.ts')).runError(resolved, cause)
      })
      return stepResultOf(results, graph.outputs, lossCounts(terms, batch))
    },
    release: () => session.release(),
  }
}
