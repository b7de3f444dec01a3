// Names in an adapter file and in the graph: what PEFT calls what it saves, wrappers and all.
// peft/utils/save_and_load.py, get_peft_model_state_dict.

import type { Graph } from '@cola/graph'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { adaptableLayers } from '../inject/inspect.ts'
import { type TiedHead, tiedHeads } from '../inject/tied.ts'
import { trainedRowsName } from '../inject/tokens.ts'
import { adaptedModule, methodOf } from '../methods/methods.ts'
import { peftPrefix } from '../methods/target.ts'

/** What a tensor of the file is in the graph. */
export interface Place {
  parameter: string
  /** Whether it is what the base had before its module was trained in full. */
  original: boolean
}

/** Modules that PEFT puts between a module's name and its parameter's. */
const wrappers = /\.(base_layer|original_module|modules_to_save(\.default)?|token_adapter(?=\.base_layer))(?=\.)/g

const trainedRows = /\.token_adapter\.trainable_tokens_delta$/

/** Finds the place of each name; undefined where there is none. */
export function placesIn(model: AdaptedModel): (name: string) => Place | undefined {
  const { initializers } = model.graph
  const heads = new Map(tiedHeads(model.base).map((head) => [head.module, head]))
  const shared = new Map([...methodOf(model.config).shared.names].map(([parameter, file]) => [file, parameter]))
  const ofHead = (parameter: string): string | undefined =>
    parameter.endsWith('.weight') ? heads.get(parameter.slice(0, -'.weight'.length))?.weight : undefined
  return (name) => {
    const known = shared.get(name) ?? name
    if (shared.has(name) || model.trainable.has(known)) return { parameter: known, original: false }
    const full = name.replace(peftPrefix, '')
    const rows = tiedRows(model, heads, full)
    if (rows !== undefined) return { parameter: rows, original: false }
    const plain = full.replace(wrappers, '')
    const parameter =
      [full, plain].flatMap((own) => [model.omitted + own, own]).find((own) => initializers.has(own)) ?? ofHead(plain)
    return parameter === undefined
      ? undefined
      : { parameter, original: full.includes('.original_module.') && model.trainable.has(parameter) }
  }
}

/** The trained rows of an embedding, which a head that shares its matrix has too. */
function tiedRows({ tokens }: AdaptedModel, heads: ReadonlyMap<string, TiedHead>, name: string): string | undefined {
  const weight = trainedRows.test(name) ? heads.get(name.replace(trainedRows, ''))?.weight : undefined
  const target = tokens.find((one) => one.weight === weight)
  return target && trainedRowsName(target.module)
}

/** Names in the graph of what a file holds always: what is trained, and what the targets share. */
export function savedParameters({ trainable, config }: AdaptedModel): string[] {
  const { shared } = methodOf(config)
  return [...trainable, ...(shared.areSaved(config) ? shared.names.keys() : [])]
}

/**
 * Names in the file of a saved parameter: a head that shares a trained matrix on purpose (`ensure_weight_tying`) has
 * it too.
 */
export function fileNames(model: AdaptedModel): (parameter: string) => string[] {
  const biases = new Set(model.targets.map(({ bias }) => bias))
  const heads = tiedHeads(model.base)
  const bare = (name: string): string => (name.startsWith(model.omitted) ? name.slice(model.omitted.length) : name)
  const { names: shared } = methodOf(model.config).shared
  return (name) => {
    if (name.startsWith(peftPrefix)) return [name]
    if (shared.has(name)) return [shared.get(name) as string]
    const own = bare(biases.has(name) ? name.replace(/\.bias$/, '.base_layer.bias') : name)
    return [own, ...heads.filter(({ weight }) => weight === name).map(({ module }) => `${module}.weight`)].map(
      (one) => peftPrefix + one,
    )
  }
}

/** What a file's names leave out of the graph's: an adapter that was trained on the bare model has no `bert.`. */
export function omittedIn(names: Iterable<string>, graph: Graph): string {
  const modules = adaptableLayers(graph).map(({ module }) => module)
  const inFile = new Set([...names].flatMap((name) => adaptedModule(name)?.replace(peftPrefix, '') ?? []))
  const before = (prefix: string): number =>
    modules.filter((module) => module.startsWith(prefix) && inFile.has(module.slice(prefix.length))).length
  const prefixes = new Set(
    modules.flatMap((module) =>
      [...inFile].filter((own) => module.endsWith(`.${own}`)).map((own) => module.slice(0, -own.length)),
    ),
  )
  return [...prefixes].reduce((best, prefix) => (before(prefix) > before(best) ? prefix : best), '')
}
