// Checks options once, where the user passes them: each option has a row in a table of checks, and a name without a row
// is refused.

import { closestName } from './closest-name.ts'
import { ConfigError } from './errors.ts'

export { closestName } from './closest-name.ts'
export { editDistance } from './edit-distance.ts'
export { isBlank } from './is-blank.ts'

/**
 * The valid values of an option, in words and as a predicate; and what to do about a value that is none, where that is
 * known.
 */
export type Check = readonly [
  expected: string,
  holds: (value: unknown) => boolean,
  fix?: (value: unknown) => string | undefined,
]

/** Whether `await` was forgotten. A Promise of another frame is one, too. */
export const isPromise = (value: unknown): boolean =>
  (value as Partial<Promise<unknown>> | null | undefined)?.[Symbol.toStringTag] === 'Promise'

const didYouMean = (name: string | undefined): string | undefined => name && `Did you mean ${name}?`

/** A check for each option. */
export type Checks<Options> = { readonly [Name in keyof Required<Options>]: Check }

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value)
const isList = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))

export const number: Check = ['a number', isNumber]
export const atLeast = (least: number): Check => [
  `a number of at least ${least}`,
  (value) => isNumber(value) && value >= least,
]
export const positive: Check = ['a number above 0', (value) => isNumber(value) && value > 0]
export const share: Check = ['a number from 0 to 1', (value) => isNumber(value) && value >= 0 && value <= 1]
export const shareBelow1: Check = ['a number from 0 to below 1', (value) => isNumber(value) && value >= 0 && value < 1]
export const whole = (least: number, most?: number): Check => [
  most === undefined ? `a whole number of at least ${least}` : `a whole number from ${least} to ${most}`,
  (value) => Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= (most ?? Infinity),
]
/** A limit that may be absent: {@link whole}(1) or Infinity. */
export const limit: Check = [
  'a whole number of at least 1, or Infinity',
  (value) => value === Number.POSITIVE_INFINITY || whole(1)[1](value),
]
export const integer: Check = ['a whole number', (value) => Number.isSafeInteger(value)]
/** @param others What other libraries, and other functions, call some of the values. */
export const oneOf = (
  values: readonly (string | number)[],
  others: Readonly<Record<string, string | number>> = {},
): Check => [
  values.map((value) => JSON.stringify(value)).join(', '),
  (value) => values.includes(value as string | number),
  (value) => closestValue(value, values, others),
]
/** What to do about a value that is none of those known, where one is close. */
export function closestValue(
  value: unknown,
  known: readonly (string | number)[],
  others: Readonly<Record<string, string | number>> = {},
): string | undefined {
  if (typeof value !== 'string') return undefined
  const closest = closestName(value, known.map(String))
  const meant = Object.hasOwn(others, value) ? others[value] : known.find((one) => String(one) === closest)
  return didYouMean(JSON.stringify(meant))
}
/** {@link closestValue} of the values that a text quotes, such as valibot's of what it expects. */
export const closestQuoted = (value: unknown, expected: string): string | undefined =>
  closestValue(
    value,
    Array.from(expected.matchAll(/"(.+?)"/g), ([, name]) => name as string),
  )
/** What a value may be, as valibot's issues have it, in words. */
export const expectedOf = ({ expected, type }: { expected: string | null; type: string }): string =>
  (expected ?? type).replace('>=', 'at least ').replace('<=', 'at most ')
export const flag: Check = ['true or false', (value) => typeof value === 'boolean']
export const string: Check = ['a string', (value) => typeof value === 'string']
export const text: Check = ['a string that is not empty', (value) => typeof value === 'string' && value !== '']
export const callable: Check = ['a function', (value) => typeof value === 'function']
export const abortSignal: Check = [
  'an AbortSignal',
  (value) => typeof (value as AbortSignal | null)?.aborted === 'boolean',
  (value) => ((value as Partial<AbortController> | null)?.signal ? 'Write controller.signal.' : undefined),
]
export const object: Check = [
  'an object',
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value) && !isPromise(value),
]
export const map: Check = ['a Map', (value) => value instanceof Map]
export const list: Check = ['an array', isList]
export const listOf = ([expected, holds]: Check, length?: number): Check => [
  `an array of ${length ?? 'one or more'}, each ${expected}`,
  (value) =>
    isList(value) &&
    (length === undefined ? value.length > 0 : value.length === length) &&
    Array.from(value).every(holds),
]
/** Of a field that may be absent. */
export const optional = ([expected, holds]: Check): Check => [expected, (value) => value === undefined || holds(value)]

/**
 * Checks each option; one that is `undefined` is not set, whatever its name.
 * @param isOpen Whether the object may have fields of the caller's own: then a name without a check is refused only
 * where it is close to one that has a check. @default false
 * @param elsewhere What to do about names that belong in another place, by name. @default {}
 * @throws {ConfigError} naming the first option that is not valid or has no check.
 */
export function checkOptions(
  where: string,
  options: object,
  checks: Readonly<Record<string, Check>>,
  isOpen = false,
  elsewhere: Readonly<Record<string, string>> = {},
): void {
  if (!object[1](options))
    throw new ConfigError({ where, what: 'no options', expected: 'an object', found: show(options) })
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined) continue
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (!check) {
      const meant = didYouMean(closestName(name, Object.keys(checks)))
      if (isOpen && !meant) continue
      const fix = Object.hasOwn(elsewhere, name) ? elsewhere[name] : meant
      throw new ConfigError({
        where: `${where}, option ${name}`,
        what: 'no such option',
        // A list of forty names would hide the one that was meant.
        ...(fix ? { fix } : { expected: Object.keys(checks).join(', ') || 'none' }),
      })
    }
    checkValue(`${where}, option ${name}`, value, check)
  }
}

/** The options that are set: spread over defaults, one that is undefined would hide its default. */
export const defined = <Options extends object>(options: Options): Options =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options

/** The options that a table has, for a function that several tables check. */
export const optionsIn = <Options>(checks: Checks<Options>, options: object): Options =>
  Object.fromEntries(Object.entries(options).filter(([name]) => Object.hasOwn(checks, name))) as Options

/** Checks that the options which have no default are there. @throws {ConfigError} naming the first that is not. */
export function requireOptions<Options extends object>(
  where: string,
  options: Options,
  checks: Checks<Options>,
  names: readonly (keyof Options & string)[],
): void {
  for (const name of names) checkValue(`${where}, option ${name}`, options[name], checks[name])
}

/** @throws {ConfigError} when a value is not valid. */
export function checkValue(where: string, value: unknown, [expected, holds, fixOf]: Check): void {
  if (holds(value)) return
  throw new ConfigError({ where, what: 'not a valid value', expected, found: show(value), fix: fixOf?.(value) })
}

/** A value as text; of an object that gives none, its fields. */
function plain(value: unknown): string {
  if (isPromise(value)) return 'a Promise: write await before it'
  try {
    const text = isList(value) ? `[${Array.from(value, plain).join(', ')}]` : String(value)
    if (text !== '[object Object]') return text
  } catch {
    // An object without a prototype, or a list that holds itself.
  }
  return `an object with ${Object.keys(value as object).join(', ') || 'no fields'}`
}

/** A value in at most 60 characters, for errors. */
export function show(value: unknown): string {
  const shown = typeof value === 'string' ? JSON.stringify(value) : plain(value)
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown
}
