// A batch of examples: the student's inputs, the labels, and what the teacher gave.

import { classLabels } from '@cola/data'
import type { Batch } from '@cola/train'
import type { DistillExample } from './options.ts'
import type { Collate } from './student-model.ts'

/** The batch; examples share the names and the widths of the teacher's values. */
export function collateExamples(collate: Collate, examples: readonly DistillExample[]): Batch {
  const names = Object.keys(examples[0]?.teacher ?? {})
  const teacher = names.map((name) => {
    const values = examples.flatMap((example) => [...(example.teacher?.[name] ?? [])])
    return [name, { data: Float32Array.from(values), dims: [examples.length, values.length / examples.length] }]
  })
  return {
    ...collate(examples.map(({ input_ids }) => input_ids)),
    labels: classLabels(examples.map(({ label }) => label)),
    ...Object.fromEntries(teacher),
  }
}
