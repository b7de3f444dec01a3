// Regular expressions in configurations, as PEFT applies them.

import { type PatternUse, pythonRegex } from '../regex/python.ts'
import type { Names, Pattern } from './method.ts'

/** The patterns of a field. */
export const patternsIn = (field: string, use: PatternUse, patterns: readonly string[]): Pattern[] =>
  patterns.map((pattern) => ({ field, use, pattern }))

export const isAllLinear = (names: Names): boolean => typeof names === 'string' && names.toLowerCase() === 'all-linear'

/** The pattern of a field of modules, where it is one. */
export const wholeIn = (field: string, names: Names): Pattern[] =>
  patternsIn(field, 'whole', typeof names === 'string' && !isAllLinear(names) ? [names] : [])

/** Whether a key of `rank_pattern` or `alpha_pattern` matches the end of a module's name. */
export const isKeyOf = (key: string, module: string): boolean => pythonRegex('ending', key).test(module)

/** Value of the first pattern that matches the end of a module's name; else the default. */
export function patternValue(patterns: Readonly<Record<string, number>>, module: string, fallback: number): number {
  const key = Object.keys(patterns).find((pattern) => isKeyOf(pattern, module))
  return key === undefined ? fallback : (patterns[key] as number)
}
