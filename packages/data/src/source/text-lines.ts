// Reads plain text: a row a line, with the column `text`, as the text loader of Hugging Face's datasets has it.

import { DataError } from '../errors.ts'
import type { AskedColumn } from './columns.ts'
import type { JsonRecord } from './json.ts'

/** The lines, blank ones too, of which the last may end the file. */
export function parseTextLines(content: string, where: string, asked: readonly AskedColumn[] = []): JsonRecord[] {
  const other = asked.find(({ name }) => name.trim() !== 'text')
  if (other)
    throw new DataError({
      where,
      what: `no column "${other.name}"`,
      expected: 'text, a row a line',
      found: `the column "${other.name}" asked for`,
      fix: "Is it a table? Name its format: format: 'csv'.",
    })
  const lines = content.split(/\r\n|\n|\r/)
  if (lines.at(-1) === '') lines.pop()
  return lines.map((text, i) => ({ place: `line ${i + 1}`, values: { text } }))
}
