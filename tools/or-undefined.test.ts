import { expect, it } from 'vitest'
import { orUndefined } from './or-undefined.ts'

it.each([
  ['seed?: number;', 'seed?: number | undefined;'],
  ['readonly end?: () => void;', 'readonly end?: (() => void) | undefined;'],
  // What stands in parentheses needs no others, and what holds undefined no other.
  ['onBytes?: ((n: number) => void) | undefined;', 'onBytes?: ((n: number) => void) | undefined;'],
  ['weight?: number | ((at: number) => number);', 'weight?: number | ((at: number) => number) | undefined;'],
  ['all?: ((n: number) => void)[];', 'all?: ((n: number) => void)[] | undefined;'],
  ['all?: Readonly<Record<string, () => void>>;', 'all?: Readonly<Record<string, () => void>> | undefined;'],
  ['text?: () => string | undefined;', 'text?: (() => string | undefined) | undefined;'],
  ['kind?: T extends string ? 1 : 2;', 'kind?: (T extends string ? 1 : 2) | undefined;'],
  ['any?: unknown;', 'any?: unknown;'],
  ['lock?(name: string): void;', 'lock?: ((name: string) => void) | undefined;'],
  [
    'at?: {\n  on?: (n: {\n    x: 1;\n  }) => void;\n};',
    'at?: {\n  on?: ((n: {\n    x: 1;\n  }) => void) | undefined;\n} | undefined;',
  ],
])('%s', (declared, expected) => {
  expect(orUndefined(declared)).toBe(expected)
})
