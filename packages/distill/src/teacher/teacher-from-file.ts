// A file of logits as a teacher.

import { requireKind } from '@cola/graph/door'
import { dataTypes, FormatError, toFloat32 } from '@cola/graph'
import { type Files, placeOf } from '@cola/data'
import { readSafetensorsFile } from '@cola/train'
import { readSafetensors } from '@cola/train/files'
import { requireLogits } from './require-logits.ts'
import type { Split, Teacher } from './teacher.ts'

/**
 * A safetensors file of logits as a teacher, by its path or as the only file of files: one tensor [rows, classes] a
 * split, rows in the data's order; hidden states, where it has them, as SPLIT.hidden [rows, width].
 * @throws {FileError | FormatError} for a file that is no safetensors; when asked: {FormatError} for a split that it
 * lacks, of other rows or of integers,
 * {FeedError} for a row with NaN or +Infinity, or with -Infinity in all classes.
 */
export function teacherFromFile(source: string | Files): Teacher {
  if (typeof source !== 'string') requireKind('teacherFromFile, source', source, 'files')
  const [name = ''] = typeof source === 'string' ? [source] : source.names()
  const path = typeof source === 'string' ? source : placeOf(source, name)
  const { tensors } = typeof source === 'string' ? readSafetensorsFile(source) : readSafetensors(source, name)
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
