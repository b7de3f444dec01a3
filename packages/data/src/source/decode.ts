// Decodes bytes to text, strictly: invalid bytes are refused with their line, never replaced.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, text } from '@cola/graph/options'
import { DataError } from '../errors.ts'

/** Options of {@link decodeText}. */
export interface DecodeOptions {
  /**
   * Name of the encoding in the Encoding Standard (`windows-1252`, `utf-16le`, `shift_jis`, ...) or in Python
   * (`latin-1`, `utf-8-sig`). A byte order mark in the file takes precedence. @default 'utf-8'
   */
  encoding?: string
  /** File or URL, for errors. @default 'text' */
  where?: string
}

/** Checks of {@link DecodeOptions}. */
export const decodeChecks: Checks<DecodeOptions> = { encoding: text, where: text }

const byteOrderMarks: readonly (readonly [name: string, bytes: readonly number[]])[] = [
  ['utf-8', [0xef, 0xbb, 0xbf]],
  ['utf-16le', [0xff, 0xfe]],
  ['utf-16be', [0xfe, 0xff]],
]

/** Python's names that differ from those of the Encoding Standard. */
const pythonNames: Readonly<Record<string, string>> = {
  'utf-8-sig': 'utf-8',
  'utf-16-le': 'utf-16le',
  'utf-16-be': 'utf-16be',
  'latin-1': 'latin1',
  'mac-roman': 'macintosh',
  cp932: 'shift_jis',
  cp949: 'euc-kr',
}

/** windows-1252 at 0x80 to 0x9f. Node before 23 decodes these bytes as ISO-8859-1. */
const windows1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ'

/**
 * Decodes text and removes a byte order mark.
 * @throws {DataError} naming file and line: an unknown encoding, invalid bytes, a NUL character.
 * @throws {ConfigError} for an option that is unknown or no string.
 */
export function decodeText(bytes: Uint8Array, options: DecodeOptions = {}): string {
  checkOptions('decodeText', options, decodeChecks)
  requireKind('decodeText, bytes', bytes, 'bytes')
  const { encoding = 'utf-8', where = 'text' } = options
  const name = markedEncoding(bytes) ?? encoding
  const decoder = createDecoder(name)
  let text: string
  try {
    text = decoder.decode(bytes)
  } catch (cause) {
    refuseBytes(bytes, decoder.encoding, where, cause)
  }
  if (decoder.encoding === 'windows-1252')
    text = text.replace(/[\x80-\x9f]/g, (character) => windows1252[character.charCodeAt(0) - 0x80] as string)
  return checkText(text, where)
}

/** Text without its byte order mark. @throws {DataError} naming the line of a NUL character. */
export function checkText(text: string, where: string): string {
  const at = text.indexOf('\0')
  if (at < 0) return text.startsWith('\uFEFF') ? text.slice(1) : text
  throw new DataError({
    where: `${where}, line ${lineAt(text, at)}`,
    what: 'a NUL character',
    expected: 'text',
    fix: "A UTF-16 file without a byte order mark is read with encoding: 'utf-16le'; other files with NUL are no text.",
  })
}

/** The line, from 1, of a position in a text; of its end by default. */
export const lineAt = (text: string, at = text.length): number =>
  (text.slice(0, at).match(/\r\n|\n|\r/g)?.length ?? 0) + 1

const markedEncoding = (bytes: Uint8Array): string | undefined =>
  byteOrderMarks.find(([, mark]) => mark.every((byte, i) => bytes[i] === byte))?.[0]

function createDecoder(encoding: string): TextDecoder {
  const name = String(encoding).trim().toLowerCase().replaceAll('_', '-')
  try {
    return new TextDecoder(pythonNames[name] ?? (name === 'shift-jis' ? 'shift_jis' : name), { fatal: true })
  } catch (cause) {
    throw new DataError(
      {
        where: 'option encoding',
        what: 'unknown encoding',
        expected: "a name of the Encoding Standard, such as 'utf-8', 'utf-16le' or 'windows-1252'",
        found: String(encoding),
      },
      { cause },
    )
  }
}

function refuseBytes(bytes: Uint8Array, encoding: string, where: string, cause: unknown): never {
  const decode = (end: number) => new TextDecoder(encoding, { fatal: true }).decode(bytes.subarray(0, end))
  const valid = validLength(bytes.length, (end) => !fails(() => decode(end)))
  throw new DataError(
    {
      where: `${where}, line ${lineAt(decode(valid))}`,
      what: `not ${encoding}`,
      expected: `text in ${encoding}`,
      found: `byte 0x${(bytes[valid] as number).toString(16).padStart(2, '0')}`,
      fix: "Save the file as UTF-8, or name its encoding: encoding: 'windows-1252', for instance.",
    },
    { cause },
  )
}

/** Maximum length of a character in any encoding, in bytes. */
const maxCharacterLength = 4

/**
 * Length of the longest valid prefix, by bisection. A prefix can end within a character; one of the four lengths up to
 * it then ends at a character's end, unless earlier bytes are invalid.
 */
function validLength(length: number, isValid: (end: number) => boolean): number {
  const validNear = (end: number) =>
    Array.from({ length: maxCharacterLength }, (_, back) => end - back).find((at) => at <= 0 || isValid(at))
  let [low, high] = [0, length + 1]
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if (validNear(middle) === undefined) high = middle
    else low = middle
  }
  return Math.max(0, validNear(low) ?? 0)
}

function fails(run: () => unknown): boolean {
  try {
    run()
    return false
  } catch {
    return true
  }
}
