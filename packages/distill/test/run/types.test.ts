// What TypeScript infers: the compiler checks it, and nothing runs.

import type { Label } from '@cola/data'
import { sampleTexts, type TextSampler } from '@cola/lora'
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

it('takes transfer texts in each of their forms, and infers the classes beside them', () => {
  const student = {} as DistillOptions['student']
  const labels = ['spam', 'ham'] as const
  const texts = async function* () {
    yield 'a'
  }
  const made = {
    sampled: async (model: TextSampler) =>
      distill({ student, labels, transfer: await sampleTexts(model, { count: 2 }) }),
    generated: () => distill({ student, labels, transfer: texts() }),
    unique: () => distill({ student, labels, transfer: new Set(['a']) }),
    kept: () => distill({ student, labels, transfer: 'texts.jsonl' }),
    // @ts-expect-error Numbers are no texts.
    numbers: () => distill({ student, labels, transfer: [1] }),
    // @ts-expect-error The promise has to be awaited.
    promised: (model: TextSampler) => distill({ student, labels, transfer: sampleTexts(model, { count: 2 }) }),
  }
  type Made = Awaited<ReturnType<(typeof made)['sampled' | 'generated' | 'unique' | 'kept']>>
  expectTypeOf<Made>().toEqualTypeOf<DistilledStudent<'spam' | 'ham'>>()
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
