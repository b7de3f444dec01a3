import { expect, it } from 'vitest'
import { isBlank } from '../src/options.ts'

// Unicode's White_Space and Default_Ignorable_Code_Point.
it.each([
  '',
  ' ',
  '\t\n',
  '\u00a0',
  '\u3000',
  '\u200b',
  '\u2060',
  '\u180e',
  '\u0085',
  '\u00ad',
  '\ufeff',
  ' \u200d\ufe0f',
])('%j is blank', (text) => expect(isBlank(text)).toBe(true))
it.each(['a', ' . ', '\u200ba', '\ufffd', '\u{1f600}', '\u0000', '\u2800'])('%j is not', (text) =>
  expect(isBlank(text)).toBe(false),
)
