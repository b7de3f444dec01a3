// Teachers: whatever gives logits for texts. A model, a file of logits, or several of them averaged.

import { dataTypes, FormatError, toFloat32 } from '@cola/graph'
import { type Classifier, ConfigError, FeedError, readSafetensorsFile } from '@cola/train'
import { requireLogits } from './check.ts'

/** Texts under the name of their split. */
export interface Split {
  /** Names the tensor in a file of logits. */
  name: string
  texts: readonly string[]
}

export interface Teacher {
  /** Logits [texts, classes], row by row; -Infinity for a class that it never gives. */
  readonly logits: (split: Split) => Promise<Float32Array>
  /** Hidden states [texts, width], for losses between them; undefined where the teacher shows none. */
  readonly hidden?: (split: Split) => Promise<Float32Array>
  /** Changes whenever a logit may; what a cache is keyed by. Undefined where a cache would gain nothing. */
  readonly fingerprint?: () => string
}

/** A classifier as a teacher: `loadClassifier` of @cola/train gives one. */
export const teacherFromClassifier = (classifier: Pick<Classifier, 'logits' | 'fingerprint'>): Teacher => ({
  logits: ({ texts }) => classifier.logits(texts),
  fingerprint: classifier.fingerprint,
})

/**
 * A safetensors file of logits as a teacher: one tensor [rows, classes] a split, rows in the data's order; hidden
 * states, where it has them, as SPLIT.hidden [rows, width].
 * @throws {FileError | FormatError} for a file that is no safetensors; when asked: {FormatError} for a split that it
 * lacks, of other rows or of integers,
 * {FeedError} for a row with NaN or +Infinity, or with -Infinity in all classes.
 */
export function teacherFromFile(path: string): Teacher {
  const { tensors } = readSafetensorsFile(path)
  const rows = (name: string, { texts }: Split, masks: boolean): Float32Array => {
    const found = tensors.get(name)
    const where = `${path}, tensor "${name}"`
    if (!found)
      throw new FormatError({
        where,
        what: 'missing',
        expected: `${texts.length} rows`,
        found: [...tensors.keys()].join(', '),
      })
    if (found.dims.length !== 2 || found.dims[0] !== texts.length)
      throw new FormatError({
        where,
        what: 'not one row a text',
        expected: `[${texts.length}, width]`,
        found: `[${found.dims}]`,
        fix: 'Was it made of other data?',
      })
    if (!dataTypes[found.dtype].float)
      throw new FormatError({
        where,
        what: 'not floating point',
        expected: 'F32, F16, BF16 or F64',
        found: found.dtype,
      })
    const values = toFloat32(found)
    requireLogits(values, { where, rows: texts.length, masks })
    return values
  }
  return {
    logits: async (split) => rows(split.name, split, true),
    hidden: async (split) => rows(`${split.name}.hidden`, split, false),
  }
}

/**
 * The mean of several teachers' logits.
 * @throws {FeedError} for none, when they have different classes, and for a row with NaN or +Infinity.
 */
export function averageTeachers(teachers: readonly Teacher[]): Teacher {
  if (teachers.length === 0)
    throw new FeedError({ where: 'teachers', what: 'there are none', expected: 'at least one' })
  const fingerprints = teachers.map(({ fingerprint }) => fingerprint)
  return {
    logits: async (split) => {
      const all: Float32Array[] = []
      for (const [i, teacher] of teachers.entries()) {
        const logits = await teacher.logits(split)
        requireLogits(logits, {
          where: `teacher ${i} of ${teachers.length}, split "${split.name}"`,
          rows: split.texts.length,
        })
        all.push(logits)
      }
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
    },
    ...(fingerprints.every(Boolean) ? { fingerprint: () => fingerprints.map((of) => of?.()).join(' ') } : {}),
  }
}

/**
 * As many of the first texts as can be had with a share of one class by the teacher's word. Perturbed sentences are
 * mostly bad ones: a student that learns from them as they come learns their classes' shares too, and its accuracy
 * falls below the majority's.
 * @param logits The teacher's, [texts, 2].
 * @param share Share of class 1, above 0 and below 1: that of the training set, as a rule.
 * @returns Indices of texts, ascending.
 * @throws {ConfigError} for another share.
 */
export function balanced(logits: ArrayLike<number>, share: number): number[] {
  if (!(share > 0 && share < 1))
    throw new ConfigError({
      where: 'balanced, share',
      what: 'not a share',
      expected: 'above 0 and below 1',
      found: String(share),
    })
  const classes: [number[], number[]] = [[], []]
  for (let i = 0; i < logits.length / 2; i++)
    classes[(logits[2 * i + 1] as number) > (logits[2 * i] as number) ? 1 : 0].push(i)
  const size = Math.floor(Math.min(classes[1].length / share, classes[0].length / (1 - share)))
  const ones = Math.min(classes[1].length, Math.round(share * size))
  return [...classes[1].slice(0, ones), ...classes[0].slice(0, size - ones)].sort((a, b) => a - b)
}
