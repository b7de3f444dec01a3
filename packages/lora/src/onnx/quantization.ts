// Quantizes the linear layers of a base model when it is opened, as transformers' `quantization_config` does.

import { type Graph, type Model, quantizeProducts } from '@cola/graph'
import { checkOptions, type Checks, defined, list, oneOf } from '@cola/graph/options'
import { linearLayers } from '../inject/linear.ts'
import { quantizationBits, quantizationBlocks, quantizationDefaults } from '../schema.ts'

/** Whether a graph has matrices in 4 or 8 bits. */
export const isQuantized = ({ initializers }: Graph): boolean => [...initializers.values()].some(({ packed }) => packed)

/** How the matrices of a base model are quantized when it is opened. */
export interface Quantization {
  /** @default 4 */
  readonly bits?: (typeof quantizationBits)[number]
  /** Number of inputs that share a scale. @default 32 */
  readonly block_size?: (typeof quantizationBlocks)[number]
  /** Modules that stay in float32, by their names or what these end with. @default ['lm_head'] */
  readonly modules_to_not_convert?: string[]
}

const checks: Checks<Quantization> = {
  bits: oneOf(quantizationBits),
  block_size: oneOf(quantizationBlocks),
  modules_to_not_convert: list,
}

/**
 * A copy of the model whose linear layers are in 4 or 8 bits, rounded to the nearest code, block by block of inputs
 * (QLoRA's base, Dettmers et al. 2023, with integers in place of NF4, which no browser has kernels for). Embeddings and
 * matrices that share theirs stay as they are, and so do matrices that the file has in fewer bits. Training and
 * evaluation compute in float32 with the dequantized matrices. Codes are computed when they are written.
 * @throws {ConfigError} for options that are unknown or not valid; {GraphError} when the codes are computed, naming a
 * matrix with elements that are not finite.
 */
export function quantizeModel(model: Model, quantization: Quantization): Model {
  checkOptions('option quantization', quantization, checks)
  const { bits, block_size, modules_to_not_convert } = { ...quantizationDefaults, ...defined(quantization) }
  const isKept = (module: string): boolean =>
    modules_to_not_convert.some((name) => `.${module}.`.endsWith(`.${name}.`) || module.startsWith(`${name}.`))
  const kept = new Set(linearLayers(model.graph).flatMap(({ module, weight }) => (isKept(module) ? [weight] : [])))
  const graph = quantizeProducts(model.graph, {
    bits,
    blockSize: block_size,
    minimum: 0,
    selects: ({ weight }, { packed }) => !packed && !kept.has(weight),
  })
  return { ...model, graph }
}
