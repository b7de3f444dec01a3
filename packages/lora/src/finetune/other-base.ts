// Why an adapter and a base do not go together: it was trained on another one. Loaded where bringing them together failed.

import type { Tensor } from '@cola/graph'
import type { Adapter } from '../adapter/files.ts'
import { AdapterError } from '../errors.ts'
import { type AdaptableLayer, adaptableLayers } from '../inject/inspect.ts'
import { endsWith } from '../inject/target.ts'
import type { BaseModel } from '../load/base-model.ts'
import { adaptedModule } from '../methods/methods.ts'
import { peftPrefix } from '../methods/target.ts'

type Width = 'inFeatures' | 'outFeatures'

type ReadWidth = (dims: readonly (number | undefined)[]) => Partial<Record<Width, number | undefined>>

/** The widths of a layer that a tensor of an adapter has, by the end of its name. */
const widths: readonly (readonly [end: RegExp, read: ReadWidth])[] = [
  [/\.lora_A(\.default)?\.weight$/, ([, inFeatures]) => ({ inFeatures })],
  [/\.(lora_B(\.default)?\.weight|vera_lambda_b)$/, ([outFeatures]) => ({ outFeatures })],
  [/\.ia3_l$/, ([rows, columns]) => (columns === 1 ? { outFeatures: rows } : { inFeatures: columns })],
]

/** A tensor of an adapter, at a numbered layer of the model. */
interface Part {
  readonly module: string
  readonly layer: number
  readonly sizes: ReturnType<ReadWidth>
}

function partOf(file: string, { dims }: Tensor): Part[] {
  const module = adaptedModule(file)
    ?.replace(peftPrefix, '')
    .replace(/\.base_layer$/, '')
  const layer = layerIn(module ?? '')
  if (module === undefined || layer === undefined) return []
  return [{ module, layer, sizes: widths.find(([end]) => end.test(file))?.[1](dims) ?? {} }]
}

function layerIn(module: string): number | undefined {
  const number = /(?:^|\.)(\d+)\./.exec(module)?.[1]
  return number === undefined ? undefined : Number(number)
}

/** How many layers there are by their numbers. */
const countOf = (layers: readonly (number | undefined)[]): number =>
  layers.reduce<number>((most, layer) => Math.max(most, (layer ?? -1) + 1), 0)

/** Whether a name is another's end: an adapter of the bare model lacks the first parts of names, or the model does. */
const isSame = (a: string, b: string): boolean => endsWith(a, b) || endsWith(b, a)

/** An adapter, what it is called where there are several, and a base. */
export interface Together {
  readonly adapter: Adapter
  readonly base: BaseModel
  readonly name?: string
}

/** What an adapter has and a base has not, in words. */
interface Misfit {
  readonly expected: string
  readonly found: string
}

function misfitOf(parts: readonly Part[], layers: readonly AdaptableLayer[]): Misfit | undefined {
  const [ofAdapter, ofBase] = [
    countOf(parts.map(({ layer }) => layer)),
    countOf(layers.map((one) => layerIn(one.module))),
  ]
  const absent = parts.find(({ module }) => !layers.some((one) => isSame(one.module, module)))
  if (absent)
    return ofBase < ofAdapter && layers.some((one) => isSame(one.module, atFirst(absent)))
      ? { expected: `${ofAdapter} layers`, found: `${ofBase} layers` }
      : { expected: `modules such as ${absent.module}`, found: `modules such as ${layers[0]?.module}` }
  for (const { module, sizes } of parts)
    for (const [width, size] of Object.entries(sizes) as [Width, number][]) {
      const layer = layers.find((one) => isSame(one.module, module)) as AdaptableLayer
      if (layer[width] !== size) return { expected: `${size} ${words[width]} ${module}`, found: `${layer[width]}` }
    }
  return undefined
}

const words: Readonly<Record<Width, string>> = { inFeatures: 'inputs of', outFeatures: 'outputs of' }

const atFirst = ({ module }: Part): string => module.replace(/(^|\.)\d+\./, '$10.')

/** The layers of a base; none where its hidden states are not found. */
function layersOf(base: BaseModel): AdaptableLayer[] {
  try {
    return adaptableLayers(base.hiddenStates().graph)
  } catch {
    return []
  }
}

/**
 * What is said where an adapter and a base could not be brought together: that the adapter is for another base, or the
 * error itself where it is not.
 * @param callWith How to write the call with another base.
 */
export function otherBase(
  error: unknown,
  { adapter, base, name }: Together,
  callWith: (base: string) => string,
): unknown {
  const layers = layersOf(base)
  const misfit = misfitOf(
    [...adapter.tensors].flatMap(([file, value]) => partOf(file, value)),
    layers,
  )
  if (!misfit || layers.length === 0) return error
  const { base_model_name_or_path: own } = adapter.config
  const isNamed = own && own !== base.name
  return new AdapterError(
    {
      where: name === undefined ? 'adapter' : `adapter "${name}"`,
      what: `trained on another base${isNamed ? `, "${own}" by its adapter_config.json` : ''}`,
      expected: misfit.expected,
      found: `${misfit.found} in ${base.name} (model type ${base.config.model_type})`,
      fix: isNamed ? `Give that base: ${callWith(JSON.stringify(own))}.` : 'Give the base that it was trained on.',
    },
    { cause: error },
  )
}
