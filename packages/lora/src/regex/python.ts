// Patterns of a configuration, written for Python's `re`, as PEFT composes and applies them.

import { ConfigError } from '../errors.ts'
import { matcherOf } from './match.ts'
import { PatternError } from './reader.ts'
import { translate } from './translate.ts'

/**
 * How PEFT completes a pattern, and where the match must end. Source: peft 0.21, utils/other.py and
 * tuners/tuners_utils.py.
 */
const uses = {
  /** `target_modules` and `exclude_modules` as one string: re.fullmatch. */
  whole: { before: '', after: '', end: '$' },
  /** A key of `rank_pattern` or `alpha_pattern`: re.match, get_pattern_key. */
  ending: { before: '(.*\\.)?(', after: ')$', end: '' },
  /** A name of `modules_to_save`, which no target is in: re.match, check_target_module_exists. */
  inside: { before: '(^|.*\\.)', after: '($|\\..*)', end: '' },
  /** `layers_pattern`: re.match; its group `idx` is the layer's number. */
  layer: { before: '(?:^|.*?\\.)', after: '\\.(?P<idx>\\d+)\\.', end: '' },
} as const

export type PatternUse = keyof typeof uses

const leadingFlags = /^(?:\(\?[a-zA-Z]+\))+/

/**
 * Whether a pattern begins with flags, `(?i)`, that Python since 3.11 refuses where PEFT puts the pattern: behind
 * another part.
 */
export const hasLateFlags = (use: PatternUse, pattern: string): boolean =>
  uses[use].before !== '' && leadingFlags.test(pattern)

/** A pattern, anchored at the beginning of a name. */
export interface PythonRegex {
  test(name: string): boolean
  /** With the groups by name; for `layer` only. */
  exec(name: string): RegExpExecArray | null
}

const compiled = new Map<string, PythonRegex>()

/** Patterns are longer nowhere, and the parser calls itself for each group. */
const longest = 5000

/**
 * Translates a pattern of Python. Flags at its beginning count for all of it, as in Python up to 3.10.
 * @param where The field, for the error.
 * @throws {ConfigError} for a pattern that Python refuses or JavaScript cannot express, or that could only be matched
 * by trying exponentially many ways, with the reason.
 */
export function pythonRegex(use: PatternUse, pattern: string, where = 'pattern'): PythonRegex {
  const key = `${use} ${pattern}`
  const known = compiled.get(key)
  if (known) return known
  const { before, after, end } = uses[use]
  const flags = leadingFlags.exec(pattern)?.[0] ?? ''
  try {
    if (pattern.length > longest) throw new PatternError(`more than ${longest} characters`, longest)
    const source = `^(?:${translate(`${flags}${before}${pattern.slice(flags.length)}${after}`)})${end}`
    const regex = compile(source, use)
    compiled.set(key, regex)
    return regex
  } catch (error) {
    if (!(error instanceof PatternError)) throw error
    const at = Math.max(0, Math.min(error.at - before.length, pattern.length))
    throw new ConfigError({
      where,
      what: `not a pattern that can be used: ${error.message}, at position ${at}`,
      expected: "one of Python's re",
      found: pattern,
    })
  }
}

/** Groups and references to them need JavaScript's matcher, which backtracks; all else is matched by sets of places. */
function compile(source: string, use: PatternUse): PythonRegex {
  const { test, explosive, refers } = matcherOf(source)
  if (use !== 'layer' && !refers) return { test, exec: () => null }
  if (explosive)
    throw new PatternError('a loop of loops or alternatives, with a group or reference, may take exponential time', 0)
  return new RegExp(source, 'u')
}
