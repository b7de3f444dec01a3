// The samples whose sentences take more code to make: loaded when one of them is chosen.

import { generateSentences } from '@cola/data'
import { intentRows } from '../../../tables/intents.ts'
import type { Row } from '../messages.ts'

export const grammarRows = (): readonly Row[] =>
  generateSentences({ seed: 1, count: 800 }).map(({ text, label }) => ({ text, label: label ? 'right' : 'wrong' }))

export const shopRows = (): readonly Row[] => intentRows(1)
