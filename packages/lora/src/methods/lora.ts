// LoRA (Hu et al. 2022) with its variants: DoRA, rank-stabilized scaling, a bias, embeddings. PEFT's LoraConfig.

import { float32, getValue, type Tensor, toFloat32 } from '@cola/graph'
import type { ParameterGroup } from '@cola/train'
import { AdapterError, ConfigError } from '../errors.ts'
import { adapterSchema, field, type Fields, type Output } from '../schema.ts'
import {
  type Contradiction,
  layersOfOnePattern,
  patternWithoutLayers,
  refuseContradictions,
  refuseRank,
  refuseUnsupported,
} from './checks.ts'
import { attentionModules } from './default-modules.ts'
import { sharedDropout } from './dropout.ts'
import { biasName, extraFields, extrasOf, hasMoved } from './lora/extras.ts'
import { initialValues } from './lora/init.ts'
import { loraNames, type LoraTarget, lookedUp, lowRank, scaling } from './lora/matrices.ts'
import { variantOf } from './lora/variants.ts'
import { type LayerWeights, type Method, nothingShared, type TensorOf } from './method.ts'
import { patternsIn, patternValue } from './patterns.ts'
import { plusProduct } from './weights.ts'

const schema = adapterSchema('LORA', {
  r: field.positive(8),
  lora_alpha: field.number(8),
  lora_dropout: field.probability(0),
  exclude_modules: field.modules,
  layers_to_transform: field.layers,
  layers_pattern: field.modules,
  rank_pattern: field.positivesByPattern,
  alpha_pattern: field.numbersByPattern,
  trainable_token_indices: field.rows,
  bias: field.oneOf(['none', 'all', 'lora_only'], 'none'),
  init_lora_weights: field.booleanOrText(true),
  use_rslora: field.boolean(false),
  use_dora: field.boolean(false),
  lora_bias: field.boolean(false),
  ensure_weight_tying: field.flag,
})

export type LoraConfigJson = Output<typeof schema>

/** The fields of PEFT's LoraConfig that this library supports; PEFT documents each. */
export type LoraConfig = Fields<LoraConfigJson>

export interface LoraTypes {
  config: LoraConfigJson
  target: LoraTarget
}

/** Fields that change the result and are not implemented; ignoring them would give wrong numbers. */
const unsupported: Readonly<Record<string, (value: unknown) => boolean>> = {
  use_qalora: (value) => value === true,
  layer_replication: (value) => value != null,
  target_parameters: (value) => Array.isArray(value) && value.length > 0,
  alora_invocation_tokens: (value) => value != null,
}

/** Initializations that change the base matrices; PEFT repeats them when it loads an adapter. */
const changing: Readonly<Record<string, 'again' | 'refuse'>> = {
  pissa: 'again',
  olora: 'again',
  corda: 'refuse',
  loftq: 'refuse',
  lora_ga: 'refuse',
}

/** PEFT reads no configuration that has `lora_bias` beside these. */
const biasOfB: readonly Contradiction<LoraConfigJson>[] = [
  { field: 'lora_bias', what: 'not with DoRA, use_dora', holds: (c) => c.lora_bias && c.use_dora },
  {
    field: 'lora_bias',
    what: 'not with a start that is named, init_lora_weights',
    holds: (c) => c.lora_bias && typeof c.init_lora_weights === 'string',
  },
]

export const lora: Method<LoraTypes> = {
  title: 'LoRA',
  configClass: 'LoraConfig',
  prefix: 'lora_',
  schema,
  suggested: { r: 8, lora_alpha: 16, target_modules: 'all-linear' },
  check: (config, where) => {
    refuseUnsupported(config, unsupported, where)
    refuseContradictions(config, [...layersOfOnePattern, patternWithoutLayers, ...biasOfB], where)
  },
  patterns: ({ rank_pattern, alpha_pattern }) => [
    ...patternsIn('rank_pattern', 'ending', Object.keys(rank_pattern)),
    ...patternsIn('alpha_pattern', 'ending', Object.keys(alpha_pattern)),
  ],
  keyedByModule: ['rank_pattern', 'alpha_pattern'],
  defaultModules: { target_modules: attentionModules },
  target: (config, layer) => {
    const { module, kind } = layer
    for (const name of ['use_dora', 'lora_bias'] as const)
      if (kind === 'embedding' && config[name])
        throw new ConfigError({
          where: `LoraConfig, field "${name}", module "${module}"`,
          what: 'not supported for an embedding',
          fix: 'Leave the embedding out with exclude_modules.',
        })
    const r = patternValue(config.rank_pattern, module, config.r)
    refuseRank('LoraConfig', r, layer)
    const alpha = patternValue(config.alpha_pattern, module, config.lora_alpha)
    return { ...layer, r, scaling: scaling(alpha, r, config.use_rslora) }
  },
  shared: nothingShared,
  names: (target, config) => [...loraNames(target), ...extrasOf(config).map(({ name }) => name(target.module))],
  firstValues: (target, config, { weight, seed }) => {
    const { A, B, base } = initialValues(target, config, weight, seed)
    const [nameA, nameB] = loraNames(target)
    const beside = extrasOf(config).map(
      ({ name, firstValue }) => [name(target.module), firstValue(target, base ?? weight)] as const,
    )
    return { values: new Map([[nameA, A], [nameB, B], ...beside]), ...(base ? { base } : {}) }
  },
  adapt: (config) => {
    const drop = sharedDropout(config.lora_dropout, 'lora_dropout')
    return (g, node, output, target) => {
      if (target.kind === 'embedding') return g.Add(output, lookedUp(g, node, target))
      const x = drop(g, getValue(g.graph, node.inputs[0] as string), target.module)
      const bias = config.lora_bias ? getValue(g.graph, biasName(target.module)) : undefined
      return variantOf(config).join(g, target, { node, output, delta: lowRank(g, x, target, bias) })
    }
  },
  merge: (target, config, tensorOf, { weight, bias }) => ({
    weight: variantOf(config).merge(target, shifted(target, weight, tensorOf, 1), tensorOf),
    bias: config.lora_bias ? shiftedBias(target, bias, tensorOf(biasName(target.module))) : bias,
  }),
  unmerge: (target, config, tensorOf, { merged, original }) => {
    const sum = () => shifted(target, original, tensorOf, 1)
    return shifted(target, variantOf(config).unmerge(target, merged, tensorOf, sum), tensorOf, -1)
  },
  isActive: (target, config, tensorOf) => {
    const isMoved = (name: string) => toFloat32(tensorOf(name)).some((value) => value !== 0)
    // An embedding starts with A zero, a linear layer with B zero.
    if (loraNames(target).every(isMoved)) return true
    return extrasOf(config).some((extra) =>
      hasMoved(extra, target, tensorOf(target.weight), tensorOf(extra.name(target.module))),
    )
  },
  status: ({ r, scaling }) => ({ r, scaling }),
  loaded: (config) => ({ ...config, init_lora_weights: startOf(config) }),
  summary: ({ r, lora_alpha }) => `Rank ${r}, alpha ${lora_alpha}.`,
  unswitchable: () => undefined,
  uncombinable: (config) => {
    if (extraFields.some((name) => config[name]) || config.bias !== 'none' || config.trainable_token_indices)
      return 'an adapter is more than plain LoRA'
    return changeOf(config) === undefined
      ? undefined
      : `an adapter began with a part of the base matrices (${config.init_lora_weights}), which its file does not hold`
  },
}

/** W + sign scaling B A. */
function shifted(target: LoraTarget, weight: Tensor, tensorOf: TensorOf, sign: 1 | -1): Tensor {
  const [A, B] = loraNames(target).map((name) => toFloat32(tensorOf(name))) as [Float32Array, Float32Array]
  return plusProduct(target, weight, { A, B, r: target.r }, sign * target.scaling)
}

/** b + scaling times B's bias; b is zero where the layer has none: exporters drop zero biases. */
function shiftedBias({ outFeatures, scaling }: LoraTarget, base: LayerWeights['bias'], adapterBias: Tensor): Tensor {
  const values = base ? toFloat32(base) : new Float32Array(outFeatures)
  const added = toFloat32(adapterBias)
  return float32(
    base?.dims ?? [outFeatures],
    values.map((value, i) => value + scaling * (added[i] as number)),
  )
}

/** Whether the initial adapter takes a part of the base matrices, and what loading does about it. */
const changeOf = ({ init_lora_weights: init }: LoraConfigJson): 'again' | 'refuse' | undefined =>
  Object.entries(changing).find(([name]) => typeof init === 'string' && init.startsWith(name))?.[1]

/** How loading changes the base matrices before it sets the values of the file. */
function startOf(config: LoraConfigJson): boolean | string {
  const { init_lora_weights: init } = config
  const what = changeOf(config)
  if (what === undefined) return true
  if (what === 'refuse')
    throw new AdapterError({
      where: 'adapter_config.json, field "init_lora_weights"',
      what: `${init} changes the base matrices in a way that the file does not hold`,
      fix:
        'Save it as a plain adapter with PEFT: ' +
        "model.save_pretrained(folder, path_initial_model_for_weight_conversion='...').",
    })
  return init
}

/**
 * LoRA+ (Hayou et al. 2024): B learns `loraplus_lr_ratio` times as fast as A. For the option `groups` of an optimizer.
 */
export const loraPlus = (loraplus_lr_ratio: number): ParameterGroup[] => [
  { params: /\.lora_B\./, lr_scale: loraplus_lr_ratio },
]
