// A Trainer's run over rows, for comparisons of runs with other batches.

import { type Batch, Trainer, type TrainingArtifacts, TrainingSession } from '../../src/index.ts'

/** The loss before the training, the losses of its steps and epochs, and the parameters after it. */
export async function trainedRows(
  artifacts: TrainingArtifacts,
  data: { train: readonly number[]; collate: (rows: readonly number[]) => Batch },
  options: Record<
    'batch_size' | 'gradient_accumulation_steps' | 'eval_batch_size' | 'epochs' | 'learning_rate',
    number
  >,
) {
  const session = await TrainingSession.create({ artifacts, device: 'cpu' })
  const trainer = new Trainer({ session, data, ...options })
  const before = (await trainer.evaluate(data.train)).loss
  const { losses, history } = await trainer.train()
  const w = await session.getContiguousParameters()
  await session.release()
  return { before, losses, epochs: history.map(({ train_loss }) => train_loss), w }
}
