// What TypeScript infers: the compiler checks it, and nothing runs.

import type { Label } from '@cola/data'
import { expectTypeOf, it } from 'vitest'
import {
  type DistilledStudent,
  type DistillOptions,
  distill,
  loadDistilled,
  type StudentClassifier,
  type TeacherSource,
} from '../../src/index.ts'

it('infers the classes of a student from the option labels', () => {
  const student = {} as DistillOptions['student']
  const train = [{ text: 'a', label: 0 }]
  const made = {
    named: () => distill({ student, train, labels: ['spam', 'ham'] }),
    constant: () => distill({ student, train, labels: [0, 1] as const }),
    listed: (labels: string[]) => distill({ student, train, labels }),
    unnamed: () => distill({ student, train }),
  }
  type Of<Call extends (...all: never) => Promise<DistilledStudent>> = Awaited<ReturnType<Call>>
  type Answer<S extends DistilledStudent> = Awaited<ReturnType<S['classify']>>[number]['label']
  expectTypeOf<Of<typeof made.named>>().toEqualTypeOf<DistilledStudent<'spam' | 'ham'>>()
  expectTypeOf<Answer<Of<typeof made.named>>>().toEqualTypeOf<'spam' | 'ham'>()
  expectTypeOf<Of<typeof made.constant>['labels']>().toEqualTypeOf<readonly (0 | 1)[]>()
  expectTypeOf<Answer<Of<typeof made.listed>>>().toEqualTypeOf<string>()
  // The teacher may name other classes than the rows have.
  expectTypeOf<Of<typeof made.unnamed>>().toEqualTypeOf<DistilledStudent<Label>>()
  expectTypeOf<DistilledStudent<'spam'>>().toExtend<DistilledStudent>()
  expectTypeOf<DistilledStudent<'spam'>>().toExtend<StudentClassifier<'spam'>>()
  expectTypeOf<StudentClassifier<'spam'>>().toExtend<TeacherSource>()
  expectTypeOf<DistillOptions<'spam'>>().toExtend<DistillOptions>()
})

it('infers the classes of a saved student from the option labels', () => {
  const opened = {
    named: () => loadDistilled('folder', { labels: ['spam', 'ham'] }),
    unnamed: () => loadDistilled('folder', { device: 'cpu' }),
    told: () => loadDistilled<'spam' | 'ham'>('folder'),
  }
  type Of<Call extends () => Promise<StudentClassifier>> = Awaited<ReturnType<Call>>
  expectTypeOf<Of<typeof opened.named>>().toEqualTypeOf<StudentClassifier<'spam' | 'ham'>>()
  expectTypeOf<Of<typeof opened.unnamed>>().toEqualTypeOf<StudentClassifier<Label>>()
  expectTypeOf<Of<typeof opened.told>>().toEqualTypeOf<StudentClassifier<'spam' | 'ham'>>()
})
