// PEFT's rules for which modules get LoRA, and with which rank and alpha. peft/tuners/tuners_utils.py, check_target_module_exists.

import { ConfigError } from '../errors.ts'
import type { LoraConfigJson } from '../schema.ts'
import type { LayerKind } from './inspect.ts'

type Names = string | readonly string[] | null | undefined

/** Whether a module's name is `suffix` or ends in it, at a dot. */
export const endsWith = (name: string, suffix: string): boolean => name === suffix || name.endsWith(`.${suffix}`)

/** A string is a regular expression that must match all of the name; a list holds names or their last parts. */
const matches = (names: Names, name: string): boolean =>
  typeof names === 'string' ? new RegExp(`^(?:${names})$`).test(name) : (names ?? []).some((suffix) => endsWith(name, suffix))

/** Whether a parameter's module is one of `modules_to_save`: trained in full, never given LoRA. */
export const isSaved = (modules: readonly string[] | null | undefined, module: string): boolean =>
  (modules ?? []).some((saved) => module.split('.').includes(saved) || endsWith(module, saved))

const headNames = ['score', 'classifier', 'lm_head', 'embed_out']

/** Whether a module is a target. `all-linear` takes no embeddings, and all linear layers but the head. */
export function isTarget(config: LoraConfigJson, { module, kind }: { module: string; kind: LayerKind }): boolean {
  const { target_modules: targets, exclude_modules: excluded, modules_to_save: saved, layers_to_transform: layers } = config
  if (matches(excluded, module) || isSaved(saved, module)) return false
  const wanted = targets === 'all-linear' ? kind === 'linear' && !headNames.some((head) => endsWith(module, head)) : matches(targets ?? ['c_attn'], module)
  if (!wanted || layers === null || layers === undefined) return wanted
  return layerIndices(layers).includes(layerOf(module, config.layers_pattern))
}

const layerIndices = (layers: number | readonly number[]): readonly number[] => (typeof layers === 'number' ? [layers] : layers)

/** Number of the layer in a module's name: after `layers_pattern`, or the first number of the name. */
function layerOf(module: string, pattern: Names): number {
  const patterns = typeof pattern === 'string' ? [pattern] : (pattern ?? [])
  const match = patterns.length ? patterns.map((p) => new RegExp(`.*\\.?${p}\\.(\\d+)\\.`).exec(`${module}.`)).find(Boolean) : /\.(\d+)\./.exec(module)
  return match ? Number(match[1]) : -1
}

/** Value of the first pattern that matches the end of a module's name; else the default. */
export function patternValue(patterns: Readonly<Record<string, number>>, module: string, fallback: number): number {
  const key = Object.keys(patterns).find((pattern) => new RegExp(`^(.*\\.)?(${pattern})$`).test(module))
  return key === undefined ? fallback : (patterns[key] as number)
}

/** @throws {ConfigError} listing the nearest names when nothing matched. */
export function requireTargets(found: readonly string[], config: LoraConfigJson, available: readonly string[]): void {
  if (found.length > 0) return
  const endings = [...new Set(available.map((name) => name.split('.').slice(-2).join('.')))].slice(0, 12)
  throw new ConfigError({
    where: 'LoraConfig, field "target_modules"',
    what: 'no layer matches',
    expected: `some of ${endings.join(', ')}`,
    found: JSON.stringify(config.target_modules ?? ['c_attn']),
  })
}
