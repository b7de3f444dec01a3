// Combines several adapters into one: PEFT's add_weighted_adapter.

import { checkOptions, checkValue, list as aList } from '@cola/graph/options'
import type { Tensor } from '@cola/graph'
import { AdapterError } from '../errors.ts'
import { unmatchedKeys } from '../inject/unmatched.ts'
import { scaling } from '../methods/lora/matrices.ts'
import { adaptedModule, methodOf } from '../methods/methods.ts'
import { patternValue } from '../methods/patterns.ts'
import { combinedConfig, moduleName, modulesOf } from './combined-config.ts'
import { combineChecks, combineMatrices, type CombineOptions, type Part } from './combine-matrices.ts'
import type { Adapter } from './files.ts'
import { isAdapter } from './is-adapter.ts'
import { sameValues } from './load.ts'

/** An adapter with its weight in a combination. */
export interface WeightedAdapter {
  adapter: Adapter
  /** May be negative. @default 1 */
  weight?: number
}

interface PlainAdapter extends WeightedAdapter {
  adapter: Adapter<'LORA'>
}

/**
 * Combines adapters of one base model. `cat` gives the exact weighted sum of their products, at the sum of their ranks;
 * `svd` the best approximation of that sum at a given rank; the others combine A and B separately and need equal ranks.
 * @throws {AdapterError} for no adapters, variants other than plain LoRA, ranks that differ, clashing heads.
 */
export function combineAdapters(adapters: readonly WeightedAdapter[], options: CombineOptions = {}): Adapter<'LORA'> {
  checkOptions('combineAdapters', options, combineChecks)
  checkValue('combineAdapters, adapters', adapters, aList)
  const { combination_type = 'linear', head } = options
  if (adapters.length === 0)
    throw new AdapterError({ where: 'combineAdapters', what: 'no adapters', expected: 'at least one' })
  for (const [i, one] of adapters.entries())
    checkValue(`combineAdapters, adapters[${i}], adapter`, one?.adapter, isAdapter)
  const list = adapters.map(requirePlain)
  const tensors = savedTensors(list, head)
  const modules = modulesOf(list.map(({ adapter }) => adapter))
  const ranks: number[] = []
  for (const { module, names } of modules) {
    const parts = partsOf(list, module, names)
    const { A, B } = combineMatrices(parts, combination_type, { ...options, salt: module })
    tensors.set(`${module}.${names[0]}`, A)
    tensors.set(`${module}.${names[1]}`, B)
    ranks.push(A.dims[0] as number)
  }
  const names = modules.map(({ module }) => moduleName(module))
  const warnings = list.flatMap(({ adapter }, i) =>
    unmatchedKeys(adapter.config, names).map((warning) => `adapter ${i}: ${warning}`),
  )
  const trainedHead = list[head ?? list.findIndex(({ adapter }) => adapter.head !== undefined)]?.adapter.head
  const config = combinedConfig(
    list.map(({ adapter }) => adapter),
    new Map(names.map((name, i) => [name, ranks[i] as number])),
  )
  return { config, tensors, warnings, ...(trainedHead ? { head: trainedHead } : {}), ...sharedStart(list) }
}

/** The tokens before texts, where all adapters were trained with the same. */
function sharedStart(list: readonly PlainAdapter[]): Pick<Adapter, 'start_token_ids'> {
  const [start_token_ids, ...others] = list.map(({ adapter }) => adapter.start_token_ids)
  return start_token_ids && others.every((one) => one?.join() === start_token_ids.join()) ? { start_token_ids } : {}
}

/** @throws {AdapterError} for an adapter that is not plain LoRA. */
function requirePlain({ adapter, ...rest }: WeightedAdapter): PlainAdapter {
  const { config } = adapter
  const reason = methodOf(config).uncombinable(config)
  if (reason !== undefined || config.peft_type !== 'LORA')
    throw new AdapterError({
      where: 'combineAdapters',
      what: reason ?? 'cannot be combined',
      expected: 'LoRA, no DoRA, no biases and no trained tokens',
      fix: 'Merge it into the base first; one of PiSSA or OLoRA becomes plain when it is loaded and written again.',
    })
  return { ...rest, adapter: { ...adapter, config } }
}

function partsOf(list: readonly PlainAdapter[], module: string, [nameA, nameB]: readonly [string, string]): Part[] {
  return list.flatMap(({ adapter: { tensors, config }, weight = 1 }) => {
    const [A, B] = [nameA, nameB].map((name) => tensors.get(`${module}.${name}`))
    if (!A || !B) return []
    const alpha = patternValue(config.alpha_pattern, moduleName(module), config.lora_alpha)
    return [{ A, B, weight, scaling: scaling(alpha, A.dims[0] as number, config.use_rslora) }]
  })
}

/**
 * Tensors saved in full, such as heads, are not weighted: one that a single adapter has is kept; of one that several
 * have, that of adapter `head`. PEFT's add_weighted_adapter drops the former and refuses the latter.
 */
function savedTensors(list: readonly PlainAdapter[], head: number | undefined): Map<string, Tensor> {
  const owners = new Map<string, { value: Tensor; indices: number[] }>()
  list.forEach(({ adapter }, index) => {
    for (const [name, value] of adapter.tensors) {
      if (adaptedModule(name) !== undefined) continue
      const known = owners.get(name)
      if (!known) owners.set(name, { value, indices: [index] })
      else if (index === head) owners.set(name, { value, indices: [head] })
      else if (!known.indices.includes(head ?? -1) && !isSameBase(name, known.value, value)) known.indices.push(index)
    }
  })
  const disputed = [...owners].filter(([, { indices }]) => indices.length > 1)
  if (disputed.length > 0)
    throw new AdapterError({
      where: 'combineAdapters',
      what: 'several adapters have a head or other modules saved in full',
      found: disputed.map(([name, { indices }]) => `${name} in adapters ${indices.join(', ')}`).join('; '),
      fix: 'Say whose to keep with the option head.',
    })
  return new Map([...owners].map(([name, { value }]) => [name, value]))
}

/** Whether both values are the base model's matrix, which PEFT saves for an embedding that is a target. */
const isSameBase = (name: string, a: Tensor, b: Tensor): boolean =>
  name.endsWith('.base_layer.weight') && sameValues(a, b)
