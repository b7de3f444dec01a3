// PEFT's rules for which modules get an adapter. peft 0.21, tuners/tuners_utils.py, check_target_module_exists.

import { closestValue } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import type { AdapterConfigJson, Names, Pattern } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import { isAllLinear, patternsIn, wholeIn } from '../methods/patterns.ts'
import type { LayerKind } from '../methods/target.ts'
import { pythonRegex } from '../regex/python.ts'
import { askedBase } from './asked-base.ts'

/** Whether a module's name is `suffix` or ends in `.suffix`. */
export const endsWith = (name: string, suffix: string): boolean => name === suffix || name.endsWith(`.${suffix}`)

/** A string is a regular expression for the whole name; a list holds names or their last parts. */
export const matches = (names: Names, name: string): boolean =>
  typeof names === 'string'
    ? names !== '' && pythonRegex('whole', names).test(name)
    : (names ?? []).some((suffix) => endsWith(name, suffix))

/**
 * Whether `modules_to_save` names a module or one that contains it; PEFT does not adapt those. The modules that are
 * trained in full are a superset, see saved.ts.
 */
const isSaved = (modules: readonly string[] | null | undefined, module: string): boolean =>
  (modules ?? []).some((saved) => pythonRegex('inside', saved).test(module))

/** transformers' heads: the modules of `get_output_embeddings`, and those of classifiers. */
const headNames = [
  'score',
  'classifier',
  'lm_head',
  'embed_out',
  'lm_head.decoder',
  'predictions.decoder',
  'vocab_projector',
  'generator_lm_head',
]

/**
 * Whether `target_modules` names a module, before `layers_to_transform` is applied. `all-linear` names all linear
 * layers except the head, and no embeddings.
 */
export function isNamed(
  { target_modules: targets }: AdapterConfigJson,
  { module, kind }: { module: string; kind: LayerKind },
): boolean {
  if (isAllLinear(targets)) return kind === 'linear' && !headNames.some((head) => endsWith(module, head))
  return matches(targets, module)
}

/** Whether a module is a target. */
export function isTarget(config: AdapterConfigJson, layer: { module: string; kind: LayerKind }): boolean {
  const { target_modules: targets, exclude_modules: excluded, modules_to_save: saved } = config
  const { module } = layer
  if (matches(excluded, module) || isSaved(saved, module) || !isNamed(config, layer)) return false
  const layers = layerIndices(config)
  return (
    layers.length === 0 ||
    typeof targets === 'string' ||
    (Array.isArray(targets) && targets.includes(module)) ||
    layers.includes(layerOf(config, module))
  )
}

/** Layer numbers that `layers_to_transform` allows; an empty list allows all. */
export const layerIndices = ({ layers_to_transform: layers }: AdapterConfigJson): readonly number[] =>
  typeof layers === 'number' ? [layers] : (layers ?? [])

const listOf = (names: Names): readonly string[] =>
  typeof names === 'string' ? [names].filter(Boolean) : (names ?? [])

/** The first numeric part of a name that follows two other parts. */
const anyLayer = /^.*?\.[^.]*\.(?<idx>\d+)\./

/** Number of the layer in a module's name, after `layers_pattern` if there is one; -1 for none. */
export function layerOf({ layers_pattern }: AdapterConfigJson, module: string): number {
  const patterns = listOf(layers_pattern).map((pattern) => pythonRegex('layer', pattern))
  const match = (patterns.length ? patterns : [anyLayer]).map((pattern) => pattern.exec(module)).find(Boolean)
  return match ? Number(match.groups?.idx) : -1
}

/** The regular expressions of a configuration, each with the way in which PEFT applies it. */
export const patternsOf = (config: AdapterConfigJson): Pattern[] => [
  ...wholeIn('target_modules', config.target_modules),
  ...wholeIn('exclude_modules', config.exclude_modules),
  ...patternsIn('modules_to_save', 'inside', config.modules_to_save ?? []),
  ...patternsIn('layers_pattern', 'layer', listOf(config.layers_pattern)),
  ...methodOf(config).patterns(config),
]

/** @throws {ConfigError} listing the nearest names when nothing matched. */
export function requireTargets(
  found: readonly string[],
  config: AdapterConfigJson,
  available: readonly string[],
): void {
  if (found.length > 0) return
  const { target_modules, base_model_name_or_path } = config
  throw new ConfigError({
    where: `${methodOf(config).configClass}, field "target_modules"`,
    what: 'no layer matches',
    expected: `some of ${endings(available).join(', ')}`,
    found: JSON.stringify(Array.isArray(target_modules) ? endings(target_modules) : target_modules),
    fix:
      allLinear(target_modules) ??
      asNames(target_modules, available) ??
      (base_model_name_or_path ? askedBase(config) : undefined),
  })
}

/** What to do about `all_linear`, and about `all-linear` in a list. */
const allLinear = (targets: Names): string | undefined => {
  const [name, ...others] = listOf(targets)
  return others.length === 0 ? closestValue(name, ['all-linear']) : undefined
}

/** What to do about the end of names in place of a pattern: PEFT's patterns match whole names. */
const asNames = (targets: Names, available: readonly string[]): string | undefined =>
  typeof targets === 'string' && available.some((name) => name.endsWith(`.${targets}`))
    ? `A text is a pattern of whole names: write ['${targets}'].`
    : undefined

/** The last two parts of names, each once, and not too many to read. */
const endings = (names: readonly string[]): string[] =>
  [...new Set(names.map((name) => name.split('.').slice(-2).join('.')))].slice(0, 12)
