// Patterns written for Python's re, what PEFT targets with them, and what it warns of (test/make-regex.py,
// test/make-targets.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  combineAdapters,
  ConfigError,
  gpt2,
  loadAdapter,
  lora,
  type LoraConfig,
  parseGpt2Config,
  parseAdapterConfig,
  randomGpt2,
} from '../src/index.ts'
import { adapterTensors } from '../src/adapter/files.ts'
import { isTarget } from '../src/inject/target.ts'
import { unmatched } from '../src/inject/unmatched.ts'
import { patternValue } from '../src/methods/patterns.ts'
import { pythonRegex } from '../src/regex/python.ts'

const read = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, `fixtures/${name}.json`), 'utf8'))

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
    /conditional group|may be unset|reference that ignores case|in a look-behind, which|loop of what may be empty|outside ASCII/

  it('match what re.fullmatch does, or are refused with a reason', () => {
    let [translated, refused] = [0, 0]
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
            refused++
          }
          return null
        }
      })()
      if (found !== null || expected === null) expect(found, JSON.stringify(pattern)).toBe(expected)
    }
    expect(translated).toBeGreaterThan(150)
    expect(refused).toBeLessThan(10)
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

describe('configurations, as PEFT takes them', () => {
  interface Case {
    config: LoraConfig
    error?: string
    targets: Record<string, [number, number]>
    warned: string[]
  }
  const { modules, linear, cases } = read('targets') as { modules: string[]; linear: string[]; cases: Case[] }
  const layers = linear.map((module) => ({ module, kind: 'linear' as const }))
  const outcome = (given: LoraConfig) => {
    const config = parseAdapterConfig(given)
    const targets = linear.filter((module) => isTarget(config, { module, kind: 'linear' }))
    const settings = targets.map((module): [string, [number, number]] => [
      module,
      [
        patternValue(config.rank_pattern, module, config.r),
        patternValue(config.alpha_pattern, module, config.lora_alpha),
      ],
    ])
    return { targets: Object.fromEntries(settings), warnings: unmatched(config, { modules, layers, targets }) }
  }

  it.each(cases.filter(({ error }) => error === undefined))('$config', ({ config, targets, warned }) => {
    const found = outcome(config)
    expect(found.targets).toEqual(targets)
    for (const field of warned)
      expect(
        found.warnings.some((warning) => warning.startsWith(`${field}: `)),
        field,
      ).toBe(true)
  })

  it('refuses what PEFT refuses, but for flags that Python took to 3.10, which it warns of', () => {
    const refused = cases.filter(({ error }) => error !== undefined)
    expect(refused.length).toBeGreaterThan(4)
    for (const { config, error } of refused) {
      if (error === 'NoMatchingPeftModuleError') expect(outcome(config).targets).toEqual({})
      else if (config.rank_pattern) {
        expect(new Set(Object.values(outcome(config).targets).map(([r]) => r))).toEqual(new Set([3]))
        expect(outcome(config).warnings.join()).toMatch(
          /rank_pattern: "\(\?i\)QUERY" begins with flags .* write \(\?i:\.\.\.\)/,
        )
      } else expect(() => parseAdapterConfig(config), JSON.stringify(config)).toThrow(ConfigError)
    }
  })

  it('says what matches nothing, and nothing where all does', () => {
    const said = (config: LoraConfig) => outcome({ target_modules: ['query', 'value'], ...config }).warnings
    expect(said({ rank_pattern: { querry: 16, query: 2 } })).toEqual([
      'rank_pattern: "querry" matches no target and is ignored',
    ])
    expect(said({ target_modules: ['query', 'valeu'] })).toEqual(['target_modules: "valeu" matches no layer'])
    expect(said({ exclude_modules: ['layer.7.query', 'layer.0'] })).toEqual([
      'exclude_modules: "layer.7.query" excludes no module',
    ])
    expect(said({ modules_to_save: ['clasifier', 'pooler'] })).toEqual([
      'modules_to_save: "clasifier" matches no module',
    ])
    expect(said({ layers_to_transform: [0, 7] })).toEqual([
      'layers_to_transform: "7" is the number of no targeted layer',
    ])
    expect(said({ layers_to_transform: [] })).toEqual(['layers_to_transform: an empty list restricts nothing'])
    expect(
      said({
        task_type: 'SEQ_CLS',
        modules_to_save: ['classifier', 'score'],
        layers_to_transform: 1,
        exclude_modules: '.*0.*',
      }),
    ).toEqual([])
    expect(outcome({ target_modules: 'all-linear' }).warnings).toEqual([])
  })
})

describe('warnings of what matches nothing', () => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 2,
    n_head: 2,
    n_embd: 8,
    n_positions: 8,
    vocab_size: 11,
    pad_token_id: 0,
  })
  const base = gpt2(config, randomGpt2(config))
  const given: LoraConfig = { task_type: 'SEQ_CLS', r: 2, target_modules: ['c_attn', 'c_proj'], fan_in_fan_out: true }

  it('come with the model that lora and loadAdapter return, and with the adapter that combineAdapters does', () => {
    expect(lora(base, given).warnings).toEqual([])
    const model = lora(base, { ...given, rank_pattern: { c_atn: 4 }, exclude_modules: ['h.1.mlp.c_proj', 'h.5'] })
    const warnings = [
      'exclude_modules: "h.5" excludes no module',
      'rank_pattern: "c_atn" matches no target and is ignored',
    ]
    expect(model.warnings).toEqual(warnings)
    const adapter = { config: model.config, tensors: adapterTensors(model) }
    expect(loadAdapter(base, adapter).warnings).toEqual(warnings)
    expect(combineAdapters([{ adapter: loaded() }, { adapter }], { head: 0 }).warnings).toEqual([
      `adapter 1: ${warnings[1]}`,
    ])
  })

  const loaded = () => {
    const model = lora(base, given)
    return { config: model.config, tensors: adapterTensors(model) }
  }
})
