// A model that has been trained on a device that may be lost: what was trained is kept beside it. Loaded for such devices.

import { DeviceError, type TrainingSession } from '@cola/train'

/** What a fine-tuned model uses of its session. */
export type TrainedSession = Pick<TrainingSession, 'runEvalStep' | 'getParameters' | 'release'>

/** The session, which is opened again with the parameters as they are now when its device was lost. */
export async function keptParameters(session: TrainingSession): Promise<TrainedSession> {
  const parameters = await session.getParameters()
  let restored: Promise<void> | undefined
  const restore = async (): Promise<void> => {
    await session.reopen()
    await session.endTraining()
    await session.setParameters(parameters)
  }
  return {
    getParameters: async () => new Map(parameters),
    release: () => session.release(),
    runEvalStep: async (batch) => {
      const before = restored
      try {
        await before
        return await session.runEvalStep(batch)
      } catch (cause) {
        if (!(cause instanceof DeviceError)) throw cause
        // The first of several that find it lost restores it for all.
        if (restored === before) restored = restore()
        await restored
        return session.runEvalStep(batch)
      }
    },
  }
}
