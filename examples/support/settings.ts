// Settings of an example: constants at its top, which the command line overrides.

import { parseArgs } from 'node:util'

type Setting = string | number | boolean | readonly string[]

/** What a setting may become: a number stays a number, a list a list. */
type Widened<Settings> = {
  [Name in keyof Settings]: Settings[Name] extends readonly string[]
    ? readonly string[]
    : Settings[Name] extends number
      ? number
      : Settings[Name] extends boolean
        ? boolean
        : string
}

/** `batchSize` on the command line is `--batch-size`. */
const flagOf = (name: string): string => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const fail = (message: string): never => {
  console.error(message)
  process.exit(2)
}

/**
 * Settings as given, overridden by `--name value`, by `--name` for one that is true or false, and by `--name a --name b`
 * for a list. Exits for others.
 */
export function commandLine<const Settings extends Readonly<Record<string, Setting>>>(
  settings: Settings,
): Widened<Settings> {
  const options = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [
      flagOf(name),
      { type: typeof value === 'boolean' ? ('boolean' as const) : ('string' as const), multiple: Array.isArray(value) },
    ]),
  )
  const known = Object.keys(options).map((flag) => `--${flag}`)
  const given = parsed(options, known)
  const overridden = Object.entries(settings).map(([name, value]) => {
    const text = given[flagOf(name)]
    if (text === undefined) return [name, value]
    if (typeof value !== 'number') return [name, text]
    const number = text === '' ? Number.NaN : Number(text)
    return Number.isNaN(number) ? fail(`--${flagOf(name)}: expected a number, found ${String(text)}`) : [name, number]
  })
  return Object.fromEntries(overridden) as Widened<Settings>
}

function parsed(options: NonNullable<Parameters<typeof parseArgs>[0]>['options'], known: readonly string[]) {
  try {
    return parseArgs({ options: options ?? {}, allowNegative: true }).values
  } catch (error) {
    return fail(`${(error as Error).message}\nsettings: ${known.join(' ')}`)
  }
}

/** A setting that must be given. Exits with a usage line where it is not. */
export function required(settings: Readonly<Record<string, Setting>>, ...names: string[]): void {
  const missing = names.filter((name) => settings[name] === '')
  if (missing.length) fail(`needed: ${missing.map((name) => `--${flagOf(name)} ...`).join(' ')}`)
}

/** An option of a library, where the setting is not empty. */
export const given = <Name extends string, Value>(name: Name, value: string, as: (value: string) => Value) =>
  (value === '' ? {} : { [name]: as(value) }) as { [Key in Name]?: Value }

/** Names with commas between. */
export const names = (value: string): string[] => value.split(',')
