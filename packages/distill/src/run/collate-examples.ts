// A batch of examples: the student's inputs, the labels, and what the teacher gave.

import { classLabels, ignoreIndex } from '@cola/data'
import type { Batch, BatchArray } from '@cola/train'
import { taught } from '../losses/hidden-states.ts'
import type { DistillExample } from './options.ts'
import type { Collate } from './student-model.ts'

/**
 * The batch; examples share the names and the widths of the teacher's values.
 * @param width Numbers of a teacher's state, in runs in which states teach.
 */
export function collateExamples(collate: Collate, examples: readonly DistillExample[], width?: number): Batch {
  const names = Object.keys(examples[0]?.teacher ?? {})
  const teacher = names.map((name) => {
    const values = examples.flatMap((example) => [...(example.teacher?.[name] ?? [])])
    return [name, { data: Float32Array.from(values), dims: [examples.length, values.length / examples.length] }]
  })
  const inputs = collate(examples.map(({ input_ids }) => input_ids))
  return {
    ...inputs,
    ...(width === undefined ? {} : statesOf(inputs, examples, width)),
    labels: classLabels(examples.map(({ label }) => label)),
    ...Object.fromEntries(teacher),
  }
}

/** The teacher's states, and the student's tokens that have some: one token and a state of zeros where none has. */
function statesOf(inputs: Batch, examples: readonly DistillExample[], width: number): Batch {
  const { data: places, dims } = inputs.token_index as BatchArray
  const columns = dims[1] as number
  const tokens = examples.map(({ input_ids, states }) => (states ? input_ids.length : 0))
  const count = tokens.reduce((sum, length) => sum + length, 0)
  const rows = Math.max(count, 1)
  const [data, index] = [new Float32Array(rows * width), new Int32Array(rows)]
  let at = 0
  for (const [i, { states }] of examples.entries()) {
    const length = tokens[i] as number
    index.set((places as Int32Array).subarray(i * columns, i * columns + length), at)
    states?.write(data.subarray(at * width, (at + length) * width), length)
    at += length
  }
  return {
    [taught.states]: { data, dims: [rows, width] },
    [taught.tokens]: { data: index, dims: [rows] },
    [taught.labels]: { data: new Int32Array(rows).fill(count ? 0 : ignoreIndex), dims: [rows] },
  }
}
