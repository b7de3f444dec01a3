// The classes of a run: the teacher's, the labels of the rows, and the option labels, brought together.

import {
  DataError,
  defaultLabel,
  describeValue,
  distinctLabels,
  isLabel,
  type Label,
  requireSharedLabels,
} from '@cola/data'
import { ConfigError } from '@cola/train'

export interface ClassesOfRun {
  /** Labels of the training rows. */
  found: readonly Label[]
  /** What the teacher's logits are called, where that is known. */
  teacher?: readonly Label[] | undefined
  /** The option labels. */
  labels?: readonly Label[] | undefined
}

/**
 * Classes in the order of the teacher's logits, of the type that the rows' labels have.
 * @throws {ConfigError} for labels that contradict the teacher's; {DataError} for fewer than two classes, and for
 * labels of several types.
 */
export function classesOfRun({ found, teacher, labels }: ClassesOfRun): readonly Label[] {
  if (labels) return namedClasses(labels, teacher)
  const distinct = distinctLabels(found, 'train')
  const classes = teacher ? asLabels(teacher, distinct) : distinct
  if (classes.length < 2)
    throw new DataError({
      where: 'train, field "label"',
      what: 'too few classes to tell apart',
      expected: 'at least two',
      found: classes.map(describeValue).join(', ') || 'none',
      fix: 'Add rows of other classes, or name all classes with the option labels.',
    })
  if (!teacher)
    requireSharedLabels(found, 'train, field "label"', 'If they are classes, name them with the option labels.')
  return classes
}

/** @throws {ConfigError} for labels that are none, or are not the teacher's in its order. */
function namedClasses(labels: readonly Label[], teacher: readonly Label[] | undefined): readonly Label[] {
  const refuse = (what: string, expected: string, found: readonly unknown[]) => {
    throw new ConfigError({
      where: 'distill, option labels',
      what,
      expected,
      found: found.map(describeValue).join(', '),
    })
  }
  if (!areClasses(labels) || labels.length < 2)
    refuse('not the names of classes', 'two or more strings, numbers or booleans, each once', labels)
  if (!teacher) return labels
  const elsewhere = labels.some((label, i) => teacher.some((name, k) => k !== i && String(name) === String(label)))
  if (labels.length !== teacher.length || elsewhere)
    refuse("not the teacher's classes in the order of its logits", teacher.map(describeValue).join(', '), labels)
  return labels
}

/** Whether names are those of classes, each once. */
export const areClasses = (names: readonly unknown[]): names is readonly Label[] =>
  names.every(isLabel) && new Set(names).size === names.length

/** Whether nobody named the classes. */
const unnamed = (names: readonly Label[]): boolean => names.every((name, i) => name === defaultLabel(i))

/**
 * The teacher's names as the rows write them: 3 for "3", true for "true", and numbers from 0 for LABEL_0, LABEL_1, ...
 */
function asLabels(names: readonly Label[], found: readonly Label[]): readonly Label[] {
  const type = typeof found[0]
  if (found.length === 0 || names.every((name) => typeof name === type)) return names
  if (type === 'number' && unnamed(names)) return names.map((_, i) => i)
  const values: Readonly<Record<string, (name: string) => Label>> = {
    string: (name) => name,
    number: Number,
    boolean: (name) => name === 'true',
  }
  const converted = names.map((name) => values[type]?.(String(name)) as Label)
  return converted.every((label, i) => String(label) === String(names[i])) ? converted : names
}
