// Maps tensor names of a PEFT adapter file, with the names of PEFT's wrapper modules, to parameter names of the graph.
// peft/utils/save_and_load.py, get_peft_model_state_dict.

import type { Graph } from '@cola/graph'
import type { AdaptedModel } from '../inject/adapted-model.ts'
import { adaptableLayers } from '../inject/inspect.ts'
import { type TiedHead, tiedHeads } from '../inject/tied.ts'
import { trainedRowsName } from '../inject/tokens.ts'
import { withoutPrefix } from '../inject/with-adapter.ts'
import { adaptedModule, methodOf } from '../methods/methods.ts'
import { peftPrefix } from '../methods/target.ts'

/** The parameter of the graph that a tensor of the file belongs to. */
export interface Place {
  parameter: string
  /** Whether the tensor is the base model's value of a parameter that was trained in full. */
  original: boolean
}

/** Wrapper modules that PEFT inserts between the name of a module and that of its parameter. */
const wrappers = /\.(base_layer|original_module|modules_to_save(\.default)?|token_adapter(?=\.base_layer))(?=\.)/g

/** A name in the file without what PEFT adds: its prefix and its wrapper modules. */
export const bareName = (name: string): string => name.replace(peftPrefix, '').replace(wrappers, '')

const trainedRows = /\.token_adapter\.trainable_tokens_delta$/

/** Maps a name in the file to its parameter; undefined where the model has none. */
export function placesIn(model: AdaptedModel): (name: string) => Place | undefined {
  const { initializers } = model.graph
  const heads = new Map(tiedHeads(model.base).map((head) => [head.module, head]))
  const shared = new Map([...methodOf(model.config).shared.names].map(([parameter, file]) => [file, parameter]))
  const tiedWeight = (parameter: string): string | undefined =>
    parameter.endsWith('.weight') ? heads.get(parameter.slice(0, -'.weight'.length))?.weight : undefined
  return (name) => {
    const known = shared.get(name) ?? name
    if (shared.has(name) || model.trainable.has(known)) return { parameter: known, original: false }
    const full = name.replace(peftPrefix, '')
    const rows = tiedRows(model, heads, full)
    if (rows !== undefined) return { parameter: rows, original: false }
    const plain = bareName(name)
    const parameter =
      [full, plain].flatMap((bare) => [model.omitted + bare, bare]).find((name) => initializers.has(name)) ??
      tiedWeight(plain)
    return parameter === undefined
      ? undefined
      : { parameter, original: full.includes('.original_module.') && model.trainable.has(parameter) }
  }
}

/** The trained rows of an embedding, under the name of a head that shares its matrix. */
function tiedRows({ tokens }: AdaptedModel, heads: ReadonlyMap<string, TiedHead>, name: string): string | undefined {
  const weight = trainedRows.test(name) ? heads.get(name.replace(trainedRows, ''))?.weight : undefined
  const target = tokens.find((candidate) => candidate.weight === weight)
  return target && trainedRowsName(target.module)
}

/** Names in the graph of the tensors that every file has: the trained parameters, and those that the targets share. */
export function savedParameters({ trainable, config }: AdaptedModel): string[] {
  const { shared } = methodOf(config)
  return [...trainable, ...(shared.areSaved(config) ? shared.names.keys() : [])]
}

/**
 * Maps a saved parameter to its names in the file. A matrix that a head shares (`ensure_weight_tying`) has the head's
 * name too.
 */
export function fileNames(model: AdaptedModel): (parameter: string) => string[] {
  const biases = new Set(model.targets.map(({ bias }) => bias))
  const heads = tiedHeads(model.base)
  const { names: shared } = methodOf(model.config).shared
  return (name) => {
    if (name.startsWith(peftPrefix)) return [name]
    if (shared.has(name)) return [shared.get(name) as string]
    const withBase = biases.has(name) ? name.replace(/\.bias$/, '.base_layer.bias') : name
    const fileName = withoutPrefix(withBase, model.omitted)
    const headNames = heads.filter(({ weight }) => weight === name).map(({ module }) => `${module}.weight`)
    return [fileName, ...headNames].map((unprefixed) => peftPrefix + unprefixed)
  }
}

/** Prefix of the graph's names that the file's names lack: `bert.` for an adapter of the bare model, else empty. */
export function omittedIn(names: Iterable<string>, graph: Graph): string {
  const modules = adaptableLayers(graph).map(({ module }) => module)
  const inFile = new Set([...names].flatMap((name) => adaptedModule(name)?.replace(peftPrefix, '') ?? []))
  const matchCount = (prefix: string): number =>
    modules.filter((module) => module.startsWith(prefix) && inFile.has(module.slice(prefix.length))).length
  const prefixes = new Set(
    modules.flatMap((module) =>
      [...inFile].filter((name) => module.endsWith(`.${name}`)).map((name) => module.slice(0, -name.length)),
    ),
  )
  return [...prefixes].reduce((best, prefix) => (matchCount(prefix) > matchCount(best) ? prefix : best), '')
}
