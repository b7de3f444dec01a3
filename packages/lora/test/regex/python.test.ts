// Patterns for Python's re as JavaScript's (test/make-regex.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, parseAdapterConfig } from '../../src/index.ts'
import { pythonRegex } from '../../src/regex/python.ts'

const read = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, `../fixtures/${name}.json`), 'utf8'))

describe('Python’s regular expressions', () => {
  const fixture = read('regex') as {
    texts: string[]
    cases: Record<string, string | null>
    space: [number, number][]
    ascii: Record<string, [number, number][]>
    'ignoring case': Record<string, string>
  }
  /** Reasons for which a pattern that Python takes is refused. */
  const reasons =
    /conditional group|may be unset|reference that ignores case|in a look-behind, which|loop of what may be empty|outside ASCII|exponential time/

  it('match what re.fullmatch does, or are refused with a reason', () => {
    let [translated, refused, explosive] = [0, 0, 0]
    for (const [pattern, expected] of Object.entries(fixture.cases)) {
      const found = (() => {
        try {
          const regex = pythonRegex('whole', pattern)
          translated++
          return fixture.texts.map((text) => (regex.test(text) ? '1' : '0')).join('')
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError)
          if (expected !== null) {
            expect(String(error), pattern).toMatch(reasons)
            if (/exponential time/.test(String(error))) explosive++
            else refused++
          }
          return null
        }
      })()
      if (found !== null || expected === null) expect(found, JSON.stringify(pattern)).toBe(expected)
    }
    expect(translated).toBeGreaterThan(150)
    expect(refused).toBeLessThan(10)
    // Loops of loops with a possessive repeat or a reference, which the fixture's random patterns have now and then.
    expect(explosive).toBeLessThan(6)
  })

  it('have its classes of characters and its case', () => {
    const rangesOf = (pattern: string) => {
      const regex = pythonRegex('whole', pattern)
      const ranges: [number, number][] = []
      for (let code = 0; code < 0x10000; code++) {
        if (!regex.test(String.fromCharCode(code))) continue
        const last = ranges.at(-1)
        if (last?.[1] === code - 1) last[1] = code
        else ranges.push([code, code])
      }
      return ranges
    }
    expect(rangesOf('\\s')).toEqual(fixture.space)
    for (const [pattern, expected] of Object.entries(fixture.ascii))
      expect(rangesOf(`(?a)${pattern}`)).toEqual(expected)
    for (const [letter, expected] of Object.entries(fixture['ignoring case']))
      expect(
        rangesOf(`(?i)${letter}`)
          .flatMap(([from, to]) => Array.from({ length: to - from + 1 }, (_, i) => String.fromCharCode(from + i)))
          .join(''),
      ).toBe(expected)
  })

  it.each([
    [
      '(?(1)a|b)',
      /field "target_modules": not a pattern that can be used: a conditional group, which JavaScript has not, at position 3/,
    ],
    ['(a)?\\1', /\\1 refers to a group that may be unset/],
    ['a**', /multiple repeat, at position 3/],
    ['*a', /nothing to repeat, at position 0/],
    ['(a', /missing \), unterminated subpattern/],
    ['a)', /unbalanced parenthesis/],
    ['[a', /unterminated character set/],
    ['\\q', /bad escape \\q/],
    ['a\\', /unexpected end of pattern/],
    ['(?<=a+)b', /look-behind requires fixed-width pattern/],
    ['(?P<1>a)', /bad character in group name "1"/],
    ['(?P=x)', /unknown group name "x"/],
    ['\\N{BULLET}', /a character by its name/],
    ['a(?i)b', /global flags not at the start/],
    ['(?<n>a)', /unknown extension/],
    ['(?i)\u00e9', /a letter outside ASCII, \u00e9, that ignores case/],
  ])('%j is refused where it is given, with field and reason', (target_modules, reason) => {
    expect(() => parseAdapterConfig({ target_modules })).toThrow(reason)
    expect(() => parseAdapterConfig({ target_modules })).toThrow(ConfigError)
  })

  it('are checked in every field', () => {
    for (const config of [
      { exclude_modules: '(' },
      { rank_pattern: { '(': 2 } },
      { alpha_pattern: { 'a|*': 2 } },
      { modules_to_save: ['['] },
      { layers_to_transform: [0], layers_pattern: ['h', '{2}?('] },
    ]) {
      const field = Object.keys(config).at(-1) as string
      expect(() => parseAdapterConfig(config, 'adapter_config.json')).toThrow(
        new RegExp(`adapter_config\\.json, field "${field}": not a pattern`),
      )
    }
  })
})

describe('patterns on which a backtracking matcher takes exponential time', () => {
  const name = `${'a'.repeat(60)}.${'a.'.repeat(40)}!`
  it.each(['(a+)+b', '(a|a)*b', '(.*\\.)*b', '(a|aa)+$', '(\\w+\\.?)*b', '.*.*.*.*.*.*.*.*b', '(a{0,9}){0,9}b'])(
    '%s ends at once',
    (pattern) => {
      const start = performance.now()
      for (const use of ['whole', 'ending', 'inside'] as const) expect(pythonRegex(use, pattern).test(name)).toBe(false)
      expect(performance.now() - start).toBeLessThan(5000)
    },
  )

  it.each(['(a+)+b', '(a|a)*b', '.*.*.*.*.*.*.*.*b'])('%s is refused where its groups are read', (pattern) => {
    expect(() => pythonRegex('layer', pattern)).toThrow(/may take exponential time/)
    expect(() => pythonRegex('whole', `(x)\\1${pattern}`)).toThrow(/may take exponential time/)
  })

  it('refuses a pattern of enormous length', () => {
    expect(() => pythonRegex('whole', '('.repeat(100_000))).toThrow(ConfigError)
    expect(() => pythonRegex('whole', 'a'.repeat(100_000))).toThrow(/more than 5000 characters/)
  })
})
