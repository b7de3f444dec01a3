// Distillation in one call: options, what the run needs, session, training, result.

import type { Label } from '@cola/data'
import { Trainer, TrainingSession } from '@cola/train'
import { isTerms, lossWeights } from '../losses/graph-losses.ts'
import { collateExamples } from './collate-examples.ts'
import { type DistilledStudent, distilledStudent } from './distilled-student.ts'
import { type DistillExample, type DistillOptions, readOptions } from './options.ts'
import { prepareRun } from './prepare-run.ts'
import { logitRows, type StudentEvaluation } from './student-classifier.ts'
import { trainedStudent } from './student-model.ts'

/** Scores of fewer validation rows take few values: of equal epochs the first would be kept. */
const fewRows = 200

/**
 * Trains a student on a teacher's logits and the labels; the loop is the Trainer's: epochs, the best one, checkpoints,
 * exact resume. Evaluation gives the cross-entropy against the labels, so that runs with and without a teacher compare.
 * With `output_dir` the teacher's logits are kept there, so that a resumed run does not ask again.
 * @returns The student at its best epoch, ready to be used; release it at the end.
 * @throws {ConfigError | DataError} for options and rows, before the teacher is asked; {FeedError} naming the split and
 * the row where a teacher gives NaN or +Infinity, or masks (-Infinity) every class; and what `loadClassifier`,
 * `readTokenizer`, `generateArtifacts`, `TrainingSession.create` and `Trainer.train` throw.
 */
export async function distill<L extends Label = Label>(options: DistillOptions<L>): Promise<DistilledStudent<L>> {
  const run = await readOptions(options)
  const { device, loop, loss } = run
  const onWarning = (message: string) => loop.callbacks?.onWarning?.({ event: 'warning', step: 0, message })
  const prepared = await prepareRun(run, onWarning)
  const { context, student, artifacts, train, evaluation, heldOut, score, statesWidth } = prepared
  const session = await TrainingSession.create({ artifacts, device, seed: loop.seed, onWarning })
  try {
    const trainer = new Trainer<DistillExample, readonly number[]>({
      metric_for_best_model: evaluation.length < fewRows || run.compute_metrics ? 'loss' : 'mcc',
      ...loop,
      session,
      data: {
        train,
        evaluation,
        collate: (batch) => collateExamples(student.collate, batch, statesWidth),
        tokens: ({ input_ids }) => input_ids.length,
      },
      predict: (outputs, batch) => logitRows(outputs, batch.length),
      compute_metrics: ({ predictions, rows, onWarning }) => score(predictions, rows, onWarning),
      ...(isTerms(loss) ? { stepInputs: ({ step, total_steps }) => lossWeights(loss, step / total_steps) } : {}),
    })
    const training = await trainer.train()
    const ended = training.stopped !== 'aborted'
    const scores: Record<string, StudentEvaluation> = {}
    if (ended) for (const [name, examples] of heldOut) scores[name] = await trainer.evaluate(examples)
    const trained = distilledStudent({
      student: trainedStudent(student, await session.getParameters()),
      context,
      score,
      device,
      batch_size: loop.eval_batch_size,
      metrics: training.history[(training.best?.epoch ?? 0) - 1]?.eval_metrics ?? {},
      evaluation: ended && evaluation.length ? await trainer.evaluate(evaluation) : undefined,
      heldOut: scores,
      training,
      sources: { 'the teacher': run.teacher, 'the tokenizer': run.tokenizer },
      onWarning,
    })
    // The classes are those of the option labels, whose names L are, or any.
    return trained as DistilledStudent<L>
  } finally {
    await session.release()
  }
}
