// The targets of configurations against PEFT (test/make-targets.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, type LoraConfig, parseAdapterConfig } from '../../src/index.ts'
import { isTarget } from '../../src/inject/target.ts'
import { unmatched } from '../../src/inject/unmatched.ts'
import { patternValue } from '../../src/methods/patterns.ts'

const read = (name: string) => JSON.parse(readFileSync(join(import.meta.dirname, `../fixtures/${name}.json`), 'utf8'))

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
