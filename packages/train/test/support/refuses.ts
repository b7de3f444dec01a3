import { expect } from 'vitest'
import { ConfigError } from '../../src/index.ts'

export const bad = [Number.NaN, Number.POSITIVE_INFINITY, -0.1, '0.1', null]

/** Runs each and expects a refusal that names the option. */
export function refuses(name: string, make: (value: never) => unknown, values: readonly unknown[]): void {
  for (const value of values) {
    expect(() => make(value as never), `${name} = ${String(value)}`).toThrow(ConfigError)
    expect(() => make(value as never)).toThrow(new RegExp(`${name}.*expected .*, found`))
  }
}
