// The transfer texts of a run: an array, a file that has them, or what gives them one by one.

import { type FileHandle, isPicked, readRecords, requireText, rowPlace } from '@cola/data'
import { type Check, isBlank } from '@cola/graph/options'
import { ConfigError } from '@cola/train'

/**
 * Unlabelled texts: an array; the path or address of a file whose rows have a field `text`, as `sampleTexts` of
 * `@cola/lora` writes it, or of a `.txt` file with a text a line, or such a file that a person picked; or what gives them
 * one by one, which is read once, to its end, before the teacher is asked.
 */
export type TransferTexts = string | Blob | FileHandle | Iterable<string> | AsyncIterable<string>

const isIterable = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && (Symbol.iterator in value || Symbol.asyncIterator in value)

export const transferTextsCheck: Check = [
  'an array of texts, a file that has them, or what gives them one by one',
  (value) => isIterable(value) || isPicked(value) || (typeof value === 'string' && value !== ''),
  (value) => (typeof value === 'function' ? 'Call it: transfer: texts().' : undefined),
]

/** Whether there are none, as far as one can know before they are read. */
export const isWithoutTexts = (given: TransferTexts | undefined): boolean =>
  given === undefined || (Array.isArray(given) && given.length === 0)

/**
 * The texts.
 * @throws {DataError} for a file that cannot be read, and naming its row of what is no text; {ConfigError} where a file or an iterable gives none; what the
 * iterable throws.
 */
export async function transferTexts(given: TransferTexts): Promise<readonly string[]> {
  if (Array.isArray(given)) return given
  const isFile = typeof given === 'string' || isPicked(given)
  const texts = isFile ? await textsOfFile(given) : await textsOf(given)
  if (texts.length > 0) return texts
  throw new ConfigError({
    where: 'distill, option transfer',
    what: 'it gives no texts',
    fix: 'What gives texts one by one may have been read before: give a new one, or an array.',
  })
}

/** The texts of a file's rows; of a file with a text a line, of the lines that are not blank. */
async function textsOfFile(given: string | Blob | FileHandle): Promise<string[]> {
  const name = typeof given === 'string' ? given : (given as File | FileHandle).name
  const isLines = /\.txt$/i.test(name)
  const rows: readonly { text?: unknown }[] = await readRecords(given)
  return rows.flatMap((row, i) =>
    isLines && isBlank(row.text as string) ? [] : [requireText(row, 'text', rowPlace('transfer', i, row))],
  )
}

async function textsOf(given: Iterable<string> | AsyncIterable<string>): Promise<string[]> {
  const texts: string[] = []
  for await (const text of given) texts.push(text)
  return texts
}
