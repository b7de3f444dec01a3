// A batch of examples: the student's inputs, the labels, and what the teacher gave.

import { classLabels } from '@cola/data'
import type { Batch, BatchArray } from '@cola/train'
import { teacherStates } from '../losses/hidden-states.ts'
import type { DistillExample } from './options.ts'
import type { Collate } from './student-model.ts'

/** The batch; examples share the names and the widths of the teacher's values. */
export function collateExamples(collate: Collate, examples: readonly DistillExample[]): Batch {
  const names = Object.keys(examples[0]?.teacher ?? {})
  const teacher = names.map((name) => {
    const values = examples.flatMap((example) => [...(example.teacher?.[name] ?? [])])
    return [name, { data: Float32Array.from(values), dims: [examples.length, values.length / examples.length] }]
  })
  const inputs = collate(examples.map(({ input_ids }) => input_ids))
  return {
    ...inputs,
    ...(examples[0]?.states ? { [teacherStates]: statesOf(inputs, examples, examples[0].states.width) } : {}),
    labels: classLabels(examples.map(({ label }) => label)),
    ...Object.fromEntries(teacher),
  }
}

/** The teacher's states [token, width], in the order that the student's `token_index` gives its tokens. */
function statesOf(inputs: Batch, examples: readonly DistillExample[], width: number): BatchArray {
  const { data: places, dims } = inputs.token_index as BatchArray
  const columns = dims[1] as number
  const tokens = examples.reduce((sum, { input_ids }) => sum + input_ids.length, 0)
  const data = new Float32Array(tokens * width)
  for (const [i, { input_ids, states }] of examples.entries())
    states?.write(data, (places as Int32Array).subarray(i * columns, i * columns + input_ids.length))
  return { data, dims: [tokens, width] }
}
