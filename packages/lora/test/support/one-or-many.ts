// A table of two classes for the embedded model, whose words it knows.

import { join } from 'node:path'
import { folderAt } from '../../../../tools/test-folders.ts'

/** Folder of the embedded model. */
export const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))

export const rows = ['girl', 'king', 'boy'].flatMap((word) => [
  { text: `the ${word} laughs`, label: 'one' },
  { text: `the ${word}s laugh`, label: 'many' },
])
export const texts = rows.map(({ text }) => text)
