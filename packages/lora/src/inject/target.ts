// PEFT's rules for which modules get LoRA, and with which rank and alpha. peft 0.21, tuners/tuners_utils.py,
// check_target_module_exists.

import { ConfigError } from '../errors.ts'
import { type PatternUse, pythonRegex } from '../regex/python.ts'
import type { LoraConfigJson } from '../schema.ts'
import type { LayerKind } from './inspect.ts'

type Names = string | readonly string[] | null | undefined

/** Whether a module's name is `suffix` or ends in it, at a dot. */
export const endsWith = (name: string, suffix: string): boolean => name === suffix || name.endsWith(`.${suffix}`)

/** A string is a regular expression that must match all of the name; a list holds names or their last parts. */
export const matches = (names: Names, name: string): boolean =>
  typeof names === 'string'
    ? names !== '' && pythonRegex('whole', names).test(name)
    : (names ?? []).some((suffix) => endsWith(name, suffix))

/**
 * Whether a module is, or is in, one that `modules_to_save` names: never given LoRA. What is trained in full is more,
 * see saved.ts.
 */
const isSaved = (modules: readonly string[] | null | undefined, module: string): boolean =>
  (modules ?? []).some((saved) => pythonRegex('inside', saved).test(module))

/** transformers' heads: what `get_output_embeddings` gives, and those of classifiers. */
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

export const isAllLinear = (names: Names): boolean => typeof names === 'string' && names.toLowerCase() === 'all-linear'

/**
 * Whether `target_modules` names a module, whatever its number. `all-linear` takes no embeddings, and all linear layers
 * but the head.
 */
export function isNamed(
  { target_modules: targets }: LoraConfigJson,
  { module, kind }: { module: string; kind: LayerKind },
): boolean {
  if (isAllLinear(targets)) return kind === 'linear' && !headNames.some((head) => endsWith(module, head))
  return matches(targets, module)
}

/** Whether a module is a target. */
export function isTarget(config: LoraConfigJson, layer: { module: string; kind: LayerKind }): boolean {
  const { target_modules: targets, exclude_modules: excluded, modules_to_save: saved } = config
  const { module } = layer
  if (matches(excluded, module) || isSaved(saved, module) || !isNamed(config, layer)) return false
  const layers = layerIndices(config)
  return (
    layers.length === 0 ||
    (Array.isArray(targets) && targets.includes(module)) ||
    layers.includes(layerOf(config, module))
  )
}

/** Numbers that `layers_to_transform` allows; none: all. */
export const layerIndices = ({ layers_to_transform: layers }: LoraConfigJson): readonly number[] =>
  typeof layers === 'number' ? [layers] : (layers ?? [])

const listOf = (names: Names): readonly string[] =>
  typeof names === 'string' ? [names].filter(Boolean) : (names ?? [])

/** The first part of a name that is a number and follows two others. */
const anyLayer = /^.*?\.[^.]*\.(?<idx>\d+)\./

/** Number of the layer in a module's name, after `layers_pattern` if there is one; -1 for none. */
export function layerOf({ layers_pattern }: LoraConfigJson, module: string): number {
  const patterns = listOf(layers_pattern).map((pattern) => pythonRegex('layer', pattern))
  const match = (patterns.length ? patterns : [anyLayer]).map((pattern) => pattern.exec(module)).find(Boolean)
  return match ? Number(match.groups?.idx) : -1
}

/** Whether a key of `rank_pattern` or `alpha_pattern` matches the end of a module's name. */
export const isKeyOf = (key: string, module: string): boolean => pythonRegex('ending', key).test(module)

/** Value of the first pattern that matches the end of a module's name; else the default. */
export function patternValue(patterns: Readonly<Record<string, number>>, module: string, fallback: number): number {
  const key = Object.keys(patterns).find((pattern) => isKeyOf(pattern, module))
  return key === undefined ? fallback : (patterns[key] as number)
}

/** The regular expressions of a configuration, with how PEFT applies them. */
export function patternsOf(config: LoraConfigJson): { field: string; use: PatternUse; pattern: string }[] {
  const all = (field: keyof LoraConfigJson & string, use: PatternUse, patterns: readonly string[]) =>
    patterns.map((pattern) => ({ field, use, pattern }))
  const whole = (names: Names) => (typeof names === 'string' && !isAllLinear(names) ? [names] : [])
  return [
    ...all('target_modules', 'whole', whole(config.target_modules)),
    ...all('exclude_modules', 'whole', whole(config.exclude_modules)),
    ...all('modules_to_save', 'inside', config.modules_to_save ?? []),
    ...all('layers_pattern', 'layer', listOf(config.layers_pattern)),
    ...all('rank_pattern', 'ending', Object.keys(config.rank_pattern)),
    ...all('alpha_pattern', 'ending', Object.keys(config.alpha_pattern)),
  ]
}

/** @throws {ConfigError} listing the nearest names when nothing matched. */
export function requireTargets(found: readonly string[], config: LoraConfigJson, available: readonly string[]): void {
  if (found.length > 0) return
  const endings = [...new Set(available.map((name) => name.split('.').slice(-2).join('.')))].slice(0, 12)
  throw new ConfigError({
    where: 'LoraConfig, field "target_modules"',
    what: 'no layer matches',
    expected: `some of ${endings.join(', ')}`,
    found: JSON.stringify(config.target_modules),
  })
}
