// Names of files below a folder: relative, and never out of it.

import { DataError } from '../errors.ts'

/** Whether a name is relative, separated by `/`, and leads nowhere but below its folder. */
export const isFileName = (name: unknown): name is string =>
  typeof name === 'string' &&
  name !== '' &&
  // A backslash, and a drive's letter before a colon, would lead elsewhere on Windows.
  !/[\\\0]|^[a-zA-Z]:/.test(name) &&
  name.split('/').every((part) => part !== '' && part !== '.' && part !== '..')

/** @throws {DataError} for a name that could lead out of its folder. */
export function checkFileName(name: unknown, where: string): asserts name is string {
  if (isFileName(name)) return
  throw new DataError({
    where,
    what: 'not the name of a file below the folder',
    expected: 'names separated by "/", without "..", such as onnx/model.onnx',
    found: typeof name === 'string' ? JSON.stringify(name) : typeof name,
  })
}
