// Trains a small recurrent student, from labels or with a teacher's logits beside them.

import type { Files } from '@cola/data'
import { float32, type Tensor, toFloat32 } from '@cola/graph'
import { distillation, type DistillationOptions } from '@cola/distill'
import {
  createStudent,
  distilRnnParameters,
  embeddingFrom,
  expand,
  parseDistilRnnConfig,
  vocabularyOf,
} from '@cola/rnn'
import { type Batch, crossEntropy, type Device, generateArtifacts, TrainingSession } from '@cola/train'
import { readSafetensors } from '@cola/train/files'
import type { KindError } from './compare.ts'
import { compareTraining, optimizerOf, stepInputs, type TrainDescription } from './training.ts'

export async function rnnCase(
  files: Files,
  device: Device,
  description: Record<string, unknown>,
): Promise<KindError[]> {
  const { train, distill } = description as unknown as { train: TrainDescription; distill?: DistillationOptions }
  const read = (name: string) => readSafetensors(files, `${name}.safetensors`).tensors
  const [tensors, inputs, expected] = [read('weights'), read('inputs'), read('expected')]
  const config = parseDistilRnnConfig({
    ...{ cell: 'rnn', bidirectional: false, pooling: 'last' },
    ...description,
    model_type: 'distil-rnn',
  })
  const table = embeddingFrom(tensors.get('embedding.weight') as Tensor)
  const steps = Array.from({ length: train.steps }, (_, step) => stepInputs(inputs, step))
  const sentences = steps.flatMap((step) => step.sentences)
  const student = createStudent({
    config,
    sentences,
    embedding: table,
    parameters: distilRnnParameters(tensors, config),
  })
  const loss = distill ? distillation(distill) : crossEntropy()
  const session = await TrainingSession.create({
    artifacts: generateArtifacts(student.model, { loss, optimizer: optimizerOf(train) }),
    device,
  })
  const batchOf = (step: number): Batch => {
    const { sentences, labels } = steps[step] as (typeof steps)[number]
    const teacher = inputs.get(`${step}.teacher_logits`)
    return {
      ...student.collate(sentences),
      labels,
      ...(teacher ? { teacher_logits: { data: toFloat32(teacher), dims: teacher.dims } } : {}),
    }
  }
  const nothing = embeddingFrom(float32([table.rows, table.width], new Float32Array(table.rows * table.width)))
  const whole = (kind: 'grad' | 'final', trained: ReadonlyMap<string, Tensor>) =>
    kind === 'final'
      ? student.parameters(trained)
      : new Map([
          ...trained,
          [
            'embedding.weight',
            expand(nothing, vocabularyOf(sentences), trained.get('embedding.weight') as Tensor),
          ] as const,
        ])
  try {
    return await compareTraining(session, train, batchOf, expected, whole)
  } finally {
    await session.release()
  }
}
