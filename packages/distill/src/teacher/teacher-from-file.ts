// A file of logits as a teacher.

import { checkOptions } from '@cola/graph/options'
import { dataTypes, FormatError, toFloat32 } from '@cola/graph'
import { type FileSource, openFileIn, placeOf, type Source, sourceChecks, type SourceOptions } from '@cola/data'
import { filesOf, readSafetensors } from '@cola/train/files'
import { requireLogits } from './require-logits.ts'
import type { Split, Teacher } from './teacher.ts'

/**
 * A safetensors file of logits as a teacher, by its path or address, as a person picked it, or the only one of files, a
 * zip or bytes: one tensor [rows, classes] a split, rows in the data's order; hidden states, where it has them, as SPLIT.hidden [rows, width].
 * @throws {FileError | FormatError | DataError | HubError} for a file that is not there or no safetensors; {ConfigError} for
 * an option that is unknown or out of its range; when asked: {FormatError} for a split that it
 * lacks, of other rows or of integers,
 * {FeedError} for a row with NaN or +Infinity, or with -Infinity in all classes.
 */
export async function teacherFromFile(source: FileSource | Source, options: SourceOptions = {}): Promise<Teacher> {
  checkOptions('teacherFromFile', options, sourceChecks)
  const opened = await openFileIn(source, '*.safetensors', options)
  const [files, path] = [filesOf(opened.files), placeOf(opened.files, opened.name)]
  const { tensors } = readSafetensors(files, opened.name)
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
