// Training as PyTorch did it: logits and gradients of the first step, losses of all, weights after the last.

import { unpad } from '@cola/data'
import { elements, type Tensor, toFloat32 } from '@cola/graph'
import { adam, adamw, type Batch, schedule, type TrainingSession } from '@cola/train'
import { compare, compareAll, type KindError, worstOfEach } from './compare.ts'

export interface TrainDescription {
  optimizer: 'adam' | 'adamw'
  lr: number
  betas: [number, number]
  eps: number
  weight_decay: number
  clip_grad_norm: number
  schedule: 'constant' | 'linear'
  warmup_steps: number
  steps: number
}

/** The optimizer that a case describes. */
export const optimizerOf = ({ optimizer, betas, eps, weight_decay, clip_grad_norm }: TrainDescription) =>
  ({ adam, adamw })[optimizer]({ betas, eps, weight_decay, max_grad_norm: clip_grad_norm })

/** Runs the steps of a case and compares what they give, after `whole` has put names and shapes in PyTorch's form. */
export async function compareTraining(
  session: TrainingSession,
  train: TrainDescription,
  batchOf: (step: number) => Batch,
  expected: ReadonlyMap<string, Tensor>,
  whole: (kind: 'grad' | 'final', tensors: ReadonlyMap<string, Tensor>) => ReadonlyMap<string, Tensor> = (_, tensors) =>
    tensors,
): Promise<KindError[]> {
  const factor = schedule(train.schedule, { total_steps: train.steps, warmup_steps: train.warmup_steps })
  const errors: KindError[] = []
  const losses: number[] = []
  for (let step = 0; step < train.steps; step++) {
    session.lazyResetGrad()
    const { loss, outputs } = await session.runTrainStep(batchOf(step))
    losses.push(loss)
    if (step === 0) {
      errors.push(
        compare(
          'logits',
          'logits',
          (outputs.logits as { data: Float32Array }).data,
          toFloat32(expected.get('logits') as Tensor),
        ),
      )
      errors.push(...compareAll('grad', expected, whole('grad', await session.getGradients())))
    }
    await session.runOptimizerStep({ learningRate: train.lr * factor(step) })
  }
  errors.push(compare('losses', 'losses', losses, toFloat32(expected.get('losses') as Tensor)))
  errors.push(
    ...compareAll('final', expected, whole('final', await session.getParameters()), 0.02 * train.lr * train.steps),
  )
  return worstOfEach(errors)
}

/** The inputs of a step, as whole numbers; those of a case without steps where none is said. */
export function stepInputs(inputs: ReadonlyMap<string, Tensor>, step?: number) {
  const get = (name: string) => inputs.get(step === undefined ? name : `${step}.${name}`) as Tensor
  const [ids, mask, labels] = ['input_ids', 'attention_mask', 'labels'].map(
    (name) => elements(get(name)) as BigInt64Array,
  ) as [BigInt64Array, BigInt64Array, BigInt64Array]
  return {
    sentences: unpad(ids, mask, get('input_ids').dims as [number, number]),
    labels: { data: Int32Array.from(labels, Number), dims: [labels.length] },
  }
}
