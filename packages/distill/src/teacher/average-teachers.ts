// Several teachers as one.

import { requireKind } from '@cola/graph/door'
import type { Label } from '@cola/data'
import { FeedError } from '@cola/train'
import { requireLogits } from './require-logits.ts'
import type { Split, Teacher } from './teacher.ts'

/**
 * The mean of several teachers' logits. Where they name their classes, those of the first give the order.
 * @throws {FeedError} for none, when they have different classes, and for a row with NaN or +Infinity.
 */
export function averageTeachers(teachers: readonly Teacher[]): Teacher {
  requireKind('averageTeachers, teachers', teachers, 'list')
  if (teachers.length === 0)
    throw new FeedError({ where: 'teachers', what: 'there are none', expected: 'at least one' })
  const labels = teachers.find((teacher) => teacher.labels)?.labels
  const columns = teachers.map((teacher) => (labels && teacher.labels ? columnsOf(labels, teacher.labels) : undefined))
  const fingerprints = teachers.map(({ fingerprint }) => fingerprint)
  const tokenizer = teachers.find((teacher) => teacher.tokenizer)?.tokenizer
  return {
    logits: async (split) => {
      const all: Float32Array[] = []
      for (const [i, teacher] of teachers.entries()) {
        const where = `teacher ${i + 1} of ${teachers.length}, split "${split.name}"`
        all.push(inOrder(await logitsOf(teacher, split, where), columns[i]))
      }
      return meanOf(all)
    },
    ...(labels ? { labels } : {}),
    ...(tokenizer ? { tokenizer } : {}),
    ...(fingerprints.every(Boolean)
      ? { fingerprint: async () => (await Promise.all(fingerprints.map((of) => of?.()))).join(' ') }
      : {}),
  }
}

async function logitsOf(teacher: Teacher, split: Split, where: string): Promise<Float32Array> {
  const logits = await teacher.logits(split)
  requireLogits(logits, { where, rows: split.texts.length })
  return logits
}

/** Where each class of the first teacher lies in another's logits. @throws {FeedError} when it has other classes. */
function columnsOf(first: readonly Label[], labels: readonly Label[]): number[] {
  const columns = first.map((label) => labels.findIndex((other) => String(other) === String(label)))
  if (first.length === labels.length && !columns.includes(-1)) return columns
  throw new FeedError({
    where: 'teachers',
    what: 'they have different classes',
    expected: first.map(String).join(', '),
    found: labels.map(String).join(', '),
  })
}

const inOrder = (logits: Float32Array, columns: readonly number[] | undefined): Float32Array =>
  columns === undefined
    ? logits
    : logits.map((_, i) => {
        const column = i % columns.length
        return logits[i - column + (columns[column] as number)] as number
      })

function meanOf(all: readonly Float32Array[]): Float32Array {
  const [first] = all as [Float32Array]
  const other = all.find(({ length }) => length !== first.length)
  if (other)
    throw new FeedError({
      where: 'teachers',
      what: 'they have different classes',
      expected: `${first.length} logits`,
      found: String(other.length),
    })
  return first.map((_, i) => all.reduce((sum, logits) => sum + (logits[i] as number), 0) / all.length)
}
