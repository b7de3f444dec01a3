// The configuration of combined adapters.

import type { LoraConfigJson } from '../methods/lora.ts'
import { modulesIn } from '../methods/lora/matrices.ts'
import { peftPrefix } from '../methods/target.ts'
import type { Adapter } from './files.ts'

type LoraAdapter = Adapter<'LORA'>

/** A module's name in a configuration, by that in a file. */
export const moduleName = (module: string): string => module.replace(peftPrefix, '')

/** The modules of which adapters have matrices, with the names of the matrices. */
export const modulesOf = (adapters: readonly LoraAdapter[]) =>
  modulesIn(adapters.flatMap(({ tensors }) => [...tensors.keys()]))

/**
 * The configuration of a combination: the first adapter's, with the modules of all, and a scaling of 1, because matrices
 * have that of their adapters in them.
 * @param ranks The rank of each module, by its name.
 */
export function combinedConfig(adapters: readonly LoraAdapter[], ranks: ReadonlyMap<string, number>): LoraConfigJson {
  const r = [...ranks.values()].reduce((a, b) => Math.max(a, b), 0)
  const pattern = Object.fromEntries(
    [...ranks].filter(([, rank]) => rank !== r).map(([name, rank]) => [name.replaceAll('.', '\\.'), rank]),
  )
  const saved = adapters.flatMap(({ config }) => config.modules_to_save ?? [])
  const {
    exclude_modules: _,
    layers_to_transform: __,
    layers_pattern: ___,
    ...first
  } = (adapters[0] as LoraAdapter).config
  return {
    ...first,
    r,
    lora_alpha: r,
    rank_pattern: pattern,
    alpha_pattern: pattern,
    use_rslora: false,
    init_lora_weights: true,
    modules_to_save: saved.length > 0 ? [...new Set(saved)] : null,
    target_modules: sharedNames(adapters) ?? [...ranks.keys()],
  }
}

/** The names by which the adapters name their modules; undefined where these would name others in one of them. */
function sharedNames(adapters: readonly LoraAdapter[]): string[] | undefined {
  const lists = adapters.map(({ config }) => config.target_modules)
  const modules = adapters.map((adapter) =>
    modulesOf([adapter])
      .map(({ module }) => module)
      .sort()
      .join(),
  )
  return lists.every(Array.isArray) && !adapters.some(isRestricted) && new Set(modules).size === 1
    ? [...new Set(lists.flat())]
    : undefined
}

const isRestricted = ({ config }: LoraAdapter): boolean =>
  [config.exclude_modules, config.layers_to_transform].some((field) => field != null && [field].flat().length > 0)
