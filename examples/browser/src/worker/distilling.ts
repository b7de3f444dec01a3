// A small recurrent student of an adapter's answers, and how the two compare.

import { argMax } from '@cola/data'
import { type DistilledStudent, distill, type Split } from '@cola/distill'
import { elementCount } from '@cola/graph'
import type { Comparison, Measured, Told } from '../messages.ts'
import type { Kept } from './adapters.ts'
import type { OpenModel } from './models.ts'
import type { Serving } from './serving.ts'

/** Longest text of a student in tokens: it is unrolled, and a long one takes the runtime long to open. */
const longest = 48

/** Texts that are timed, one by one. */
const timed = 12

/** Trains a student on the adapter's logits and the labels of its rows. */
export function trainStudent(
  { base }: OpenModel,
  kept: Kept,
  logitsOf: Serving['logits'],
  { between, tell }: { between: () => Promise<void>; tell: (told: Told) => void },
): Promise<DistilledStudent> {
  const { name, labels, train, heldOut } = kept
  let total_steps = 1
  return distill({
    student: { cell: 'gru', embedding_size: 48, hidden_size: 48, bidirectional: true, pooling: 'max' },
    teacher: {
      labels,
      tokenizer: base.tokenizer,
      logits: async ({ texts }: Split) => Float32Array.from((await logitsOf(name, texts)).flat()),
      fingerprint: () => name,
    },
    train: [...train],
    ...(heldOut.length ? { validation: [...heldOut] } : {}),
    epochs: Math.min(60, Math.max(12, Math.ceil(6000 / train.length))),
    batch_size: 16,
    learning_rate: 4e-3,
    max_length: Math.min(longest, base.max_length),
    callbacks: {
      onTrainBegin: (info) => {
        total_steps = info.total_steps
      },
      onStep: async ({ step }) => {
        tell({ event: 'distilling', step, total_steps })
        await between()
      },
      onWarning: ({ message }) => tell({ event: 'warning', message }),
    },
  })
}

/** Size, time and right answers of teacher and student, on the rows held out, or on all where none are. */
export async function compare(
  { summary }: OpenModel,
  kept: Kept,
  logitsOf: Serving['logits'],
  student: DistilledStudent,
): Promise<Comparison> {
  const { name, labels, adapter } = kept
  const rows = kept.heldOut.length ? kept.heldOut : kept.train
  const texts = rows.map(({ text }) => text)
  const teacherAnswers = (await logitsOf(name, texts)).map((logits) => labels[argMax(logits)])
  const studentAnswers = (await student.classify(texts)).map(({ label }) => label)
  const right = (answers: readonly unknown[]) =>
    rows.filter(({ label }, i) => answers[i] === label).length / rows.length
  const some = texts.slice(0, timed)
  const measured = async (
    sizes: Iterable<{ dims: readonly number[] }>,
    answers: readonly unknown[],
    ask: (text: string) => Promise<unknown>,
    more = 0,
  ): Promise<Measured> => {
    const parameters = more + [...sizes].reduce((sum, { dims }) => sum + elementCount(dims), 0)
    return { parameters, bytes: 4 * parameters, milliseconds: await medianTime(some, ask), accuracy: right(answers) }
  }
  return {
    teacher: await measured(
      adapter.tensors.values(),
      teacherAnswers,
      (text) => logitsOf(name, [text]),
      summary.parameters,
    ),
    student: await measured(student.parameters.values(), studentAnswers, (text) => student.classify([text])),
    rows: rows.length,
    agreement: teacherAnswers.filter((answer, i) => answer === studentAnswers[i]).length / rows.length,
  }
}

/** Median time of a question in milliseconds, after one that is not counted. */
async function medianTime(texts: readonly string[], ask: (text: string) => Promise<unknown>): Promise<number> {
  const times: number[] = []
  for (const text of [texts[0] as string, ...texts]) {
    const start = performance.now()
    await ask(text)
    times.push(performance.now() - start)
  }
  return times.slice(1).sort((a, b) => a - b)[Math.floor(texts.length / 2)] as number
}
