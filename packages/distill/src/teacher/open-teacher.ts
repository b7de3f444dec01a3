// The one door for teachers: a folder, a file of logits, a classifier, a teacher, or several of them.

import { addressOf, type Files, openFiles, pathOf, type Source } from '@cola/data'
import { ConfigError, type Device, loadClassifier } from '@cola/train'
import { averageTeachers } from './average-teachers.ts'
import type { Teacher } from './teacher.ts'
import { teacherFromClassifier, type TextClassifier } from './teacher-from-classifier.ts'
import { teacherFromFile } from './teacher-from-file.ts'

/**
 * A classifier's folder, as `loadClassifier` reads it and `export` of a fine-tuned model writes it; a .safetensors file
 * of logits; either by its path or address, as picked files or bytes; a classifier that is open; or a teacher of one's own.
 */
export type TeacherSource = Exclude<Source, readonly File[]> | TextClassifier | Teacher

export interface OpenTeacherOptions {
  device: Device
  /** Told when texts were cut. */
  onWarning: (message: string) => void
}

/** A teacher, and how what was opened for it is closed. */
export interface OpenTeacher {
  teacher: Teacher
  release: () => Promise<void>
}

/**
 * Opens a teacher, or several, whose logits are averaged.
 * @throws {ConfigError} for what is no teacher; what `loadClassifier`, `teacherFromFile` and `averageTeachers` throw.
 */
export async function openTeacher(
  source: TeacherSource | readonly TeacherSource[],
  options: OpenTeacherOptions,
): Promise<OpenTeacher> {
  const opened: OpenTeacher[] = []
  const release = async () => {
    for (const one of opened) await one.release()
  }
  try {
    for (const one of isList(source) ? source : [source]) opened.push(await openOne(one, options))
    const teachers = opened.map(({ teacher }) => teacher)
    return { teacher: isList(source) ? averageTeachers(teachers) : (teachers[0] as Teacher), release }
  } catch (error) {
    await release()
    throw error
  }
}

const isList = (source: TeacherSource | readonly TeacherSource[]): source is readonly TeacherSource[] =>
  Array.isArray(source)

const nothing = async (): Promise<void> => undefined

async function openOne(given: TeacherSource, options: OpenTeacherOptions): Promise<OpenTeacher> {
  const source = pathOf(given)
  const address = addressOf(source)
  if (address?.pathname.endsWith('.safetensors')) return { teacher: await teacherFromFile(address), release: nothing }
  if (typeof source === 'string')
    return source.endsWith('.safetensors')
      ? { teacher: await teacherFromFile(source), release: nothing }
      : openClassifier(await openFiles(source, { files: [] }), options)
  if (isClassifier(source)) return { teacher: teacherFromClassifier(source), release: nothing }
  if (isTeacher(source)) return { teacher: source, release: nothing }
  const files = await openFiles(source, { files: [] }).catch((cause) => {
    throw new ConfigError(
      {
        where: 'option teacher',
        what: 'it gives no logits',
        expected: 'a folder, a file of logits, a classifier, or a teacher with logits(split)',
        found: `an object with ${Object.keys(source).join(', ') || 'nothing'}`,
      },
      { cause },
    )
  })
  const [name = ''] = files.names()
  if (!name.endsWith('.safetensors') || files.has('config.json')) return openClassifier(files, options)
  return { teacher: await teacherFromFile(files), release: nothing }
}

const isClassifier = (source: Exclude<TeacherSource, string>): source is TextClassifier =>
  'classify' in source && typeof source.classify === 'function'

const isTeacher = (source: Exclude<TeacherSource, string>): source is Teacher =>
  'logits' in source && typeof source.logits === 'function'

async function openClassifier(files: Files, { device, onWarning }: OpenTeacherOptions): Promise<OpenTeacher> {
  const classifier = await loadClassifier(files, {
    device,
    onWarning: ({ message }) => onWarning(`teacher: ${message}`),
  })
  try {
    return { teacher: teacherFromClassifier(classifier), release: classifier.release }
  } catch (error) {
    await classifier.release()
    throw error
  }
}
