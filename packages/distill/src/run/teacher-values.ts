// What a teacher gives for the texts of a split, for the inputs that the losses read.

import type { Dim } from '@cola/graph'
import { FeedError } from '@cola/train'
import { requireLogits } from '../teacher/require-logits.ts'
import type { Split, Teacher } from '../teacher/teacher.ts'

/** What a loss may read of a teacher, under the names of the graph's inputs. */
export const teacherInputs = ['teacher_logits', 'teacher_hidden'] as const
type TeacherInput = (typeof teacherInputs)[number]

/** The inputs that the losses read, with the width of each. */
export type TeacherWidths = ReadonlyMap<TeacherInput, Dim | undefined>

/**
 * One record for each text of a split.
 * @throws {FeedError} naming split and row for values that no loss can use, of another width than the student's, or
 * hidden states that the teacher does not show.
 */
export async function teacherValues(
  teacher: Teacher,
  split: Split,
  widths: TeacherWidths,
): Promise<Record<string, Float32Array>[]> {
  const rows = split.texts.length
  if (rows === 0) return []
  const columns: (readonly [TeacherInput, Float32Array, number])[] = []
  for (const [name, expected] of widths) {
    const values = await (name === 'teacher_logits' ? teacher.logits(split) : hiddenOf(teacher, split))
    const where = `teacher, split "${split.name}"`
    requireLogits(values, { where, rows, masks: name === 'teacher_logits' })
    const width = values.length / rows
    if (typeof expected === 'number' && width !== expected)
      throw new FeedError({
        where,
        what: `${name} does not fit the student`,
        expected: `rows of ${expected}`,
        found: `rows of ${width}`,
        ...(name === 'teacher_logits' ? { fix: 'Name all classes with the option labels.' } : {}),
      })
    columns.push([name, values, width])
  }
  return split.texts.map((_, i) =>
    Object.fromEntries(columns.map(([name, values, width]) => [name, values.slice(i * width, (i + 1) * width)])),
  )
}

function hiddenOf(teacher: Teacher, split: Split): Promise<Float32Array> {
  if (!teacher.hidden)
    throw new FeedError({
      where: 'teacher',
      what: 'a loss reads its hidden states, and it shows none',
      expected: 'hidden(split)',
    })
  return teacher.hidden(split)
}
