// Warnings for names in a configuration that match nothing in the model, mostly misspellings. PEFT trains without them
// and warns of some (peft 0.21, tuners/tuners_utils.py, inject_adapter).

import type { AdapterConfigJson } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import { isKeyOf } from '../methods/patterns.ts'
import { hasLateFlags } from '../regex/python.ts'
import type { AdaptableLayer } from './inspect.ts'
import { taskHeads } from './saved.ts'
import { isNamed, layerIndices, layerOf, matches, patternsOf } from './target.ts'

/** The names that patterns can match. */
export interface Available {
  /** Names of all modules. */
  readonly modules: readonly string[]
  /** Layers that can have an adapter. */
  readonly layers: readonly Pick<AdaptableLayer, 'module' | 'kind'>[]
  /** Names of the layers that get one. */
  readonly targets: readonly string[]
}

const quote = (name: string): string => `"${name}"`

/** All modules that contain the parameters, at every level. */
export function modulesOf(parameters: Iterable<string>): string[] {
  const modules = new Set<string>()
  for (const name of parameters) {
    const parts = name.split('.')
    for (let depth = 1; depth < parts.length; depth++) modules.add(parts.slice(0, depth).join('.'))
  }
  return [...modules]
}

/** One warning for each name that matches nothing; it begins with the field. */
export function unmatched(config: AdapterConfigJson, { modules, layers, targets }: Available): string[] {
  const { target_modules, exclude_modules, modules_to_save, task_type } = config
  const each = (names: string | readonly string[] | null | undefined): readonly string[] =>
    Array.isArray(names) ? names : names ? [names as string] : []
  const none = (field: string, names: readonly string[], has: (name: string) => boolean, what: string): string[] =>
    names.filter((name) => !has(name)).map((name) => `${field}: ${quote(name)} ${what}`)
  // The heads of a task are always in modules_to_save; a model has one of them at most.
  const heads = taskHeads(task_type)
  const named = layers.filter((layer) => isNamed(config, layer))
  const indices = layerIndices(config)
  const numbers = new Set(named.map(({ module }) => layerOf(config, module)))
  return [
    ...none(
      'target_modules',
      Array.isArray(target_modules) ? target_modules : [],
      (name) => layers.some(({ module }) => matches([name], module)),
      'matches no layer',
    ),
    ...none(
      'exclude_modules',
      each(exclude_modules),
      (name) => modules.some((module) => matches(Array.isArray(exclude_modules) ? [name] : name, module)),
      'excludes no module',
    ),
    ...none(
      'modules_to_save',
      modules_to_save ?? [],
      (name) => heads.includes(name) || modules.some((module) => module.endsWith(name)),
      'matches no module',
    ),
    ...none(
      'layers_to_transform',
      indices.map(String),
      (index) => numbers.has(Number(index)),
      'is the number of no targeted layer',
    ),
    ...(Array.isArray(config.layers_to_transform) && indices.length === 0
      ? ['layers_to_transform: an empty list restricts nothing']
      : []),
    ...unmatchedKeys(config, targets),
    ...patternsOf(config)
      .filter(({ use, pattern }) => hasLateFlags(use, pattern))
      .map(
        ({ field, pattern }) =>
          `${field}: ${quote(pattern)} begins with flags for the whole expression, ` +
          'which PEFT refuses here with Python 3.11 and later: write (?i:...)',
      ),
  ]
}

/** The same for fields with modules as keys: `rank_pattern`, `alpha_pattern`. */
export const unmatchedKeys = (config: AdapterConfigJson, targets: readonly string[]): string[] =>
  methodOf(config).keyedByModule.flatMap((field) =>
    Object.keys(config[field] as object)
      .filter((key) => !targets.some((target) => isKeyOf(key, target)))
      .map((key) => `${field}: ${quote(key)} matches no target and is ignored`),
  )
