// Options of the format conll.

import type { Check, Checks } from '@cola/graph/options'

/** Which columns of a CoNLL file are read: by name, where a file names them, or by number, from 0 or back from -1. */
export interface ConllOptions {
  /** The column of the words, in files of CoNLL. @default 0; 'FORM' in CoNLL-U */
  words?: number | string
  /** The column of the tags, in files of CoNLL. @default -1, the last; 'UPOS' in CoNLL-U */
  tags?: number | string
}

const column: Check = [
  'the number of a column, from 0 or back from -1, or its name',
  (value) => Number.isInteger(value) || (typeof value === 'string' && value !== ''),
]

export const conllChecks: Checks<ConllOptions> = { words: column, tags: column }
