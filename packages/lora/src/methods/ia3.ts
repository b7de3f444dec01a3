// (IA)³: learned vectors rescale the outputs of layers, or the inputs of feed-forward layers. Liu et al. 2022,
// Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning. PEFT's IA3Config.

import { random } from '@cola/data'
import { type Builder, float32, getValue, type Node, type Tensor, toFloat32, type Value } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import { adapterSchema, field, type Output } from '../schema.ts'
import { refuseEmbedding } from './checks.ts'
import { type Method, type Names, nothingShared, type TensorOf } from './method.ts'
import { pythonRegex } from '../regex/python.ts'
import { wholeIn } from './patterns.ts'
import { parameterName, type Target } from './target.ts'
import { timesInputs, timesOutputs } from './weights.ts'

const schema = adapterSchema('IA3', {
  exclude_modules: field.modules,
  feedforward_modules: field.modules,
  init_ia3_weights: field.boolean(true),
})

/** An IA3 configuration as PEFT saves it. */
export type Ia3ConfigJson = Output<typeof schema>

interface Ia3Target extends Target {
  /** Whether the vector rescales the layer's input instead of its output. */
  readonly isFeedforward: boolean
}

export interface Ia3Types {
  config: Ia3ConfigJson
  target: Ia3Target
}

/**
 * Attention and feed-forward modules by `model_type`: PEFT 0.21's TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING,
 * and its TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING.
 */
const modules: readonly [types: readonly string[], attention: readonly string[], feedforward: readonly string[]][] = [
  [['t5'], ['k', 'v'], ['wo']],
  [['mt5'], ['k', 'v', 'wi_1'], []],
  [['gpt2', 'gpt_bigcode'], ['c_attn'], ['mlp.c_proj']],
  [['bloom'], ['query_key_value'], ['mlp.dense_4h_to_h']],
  [['gpt_neox', 'RefinedWebModel', 'RefinedWeb', 'falcon'], ['query_key_value'], ['dense_4h_to_h']],
  [['bert', 'roberta'], ['key', 'value'], ['output.dense']],
  [['deberta-v2'], ['key_proj', 'value_proj'], ['output.dense']],
  [['deberta'], ['in_proj'], ['output.dense']],
  [['opt'], ['q_proj', 'k_proj'], ['fc2']],
  [['bart', 'phi'], ['q_proj', 'v_proj'], ['fc2']],
  [['gptj'], ['q_proj', 'v_proj'], ['fc_out']],
  [['gpt_neo'], ['q_proj', 'v_proj'], ['c_proj']],
  [['llama', 'mistral'], ['k_proj', 'v_proj'], ['down_proj']],
  [['mixtral'], ['k_proj', 'v_proj'], ['w2']],
  [['llama4', 'gemma', 'gemma2', 'gemma3_text', 'qwen2', 'qwen3'], ['q_proj', 'v_proj'], ['down_proj']],
]

const byType = (of: (attention: readonly string[], feedforward: readonly string[]) => readonly string[]) =>
  new Map<string, Names>(
    modules.flatMap(([types, attention, feedforward]) =>
      types.map((type) => [type, of(attention, feedforward)] as const),
    ),
  )

export const ia3: Method<Ia3Types> = {
  title: '(IA)³',
  configClass: 'IA3Config',
  prefix: 'ia3_',
  schema,
  suggested: {},
  check: ({ target_modules, feedforward_modules }, where) => {
    if (!Array.isArray(target_modules) || !Array.isArray(feedforward_modules)) return
    const other = feedforward_modules.find((name) => !target_modules.includes(name))
    if (other !== undefined)
      throw new ConfigError({
        where: `${where}, field "feedforward_modules"`,
        what: 'names what target_modules does not',
        expected: `some of ${target_modules.join(', ')}`,
        found: other,
        fix: 'PEFT refuses it too.',
      })
  },
  patterns: ({ feedforward_modules }) => wholeIn('feedforward_modules', feedforward_modules),
  keyedByModule: [],
  defaultModules: {
    target_modules: byType((attention, feedforward) => [...attention, ...feedforward]),
    feedforward_modules: byType((_, feedforward) => feedforward),
  },
  target: ({ feedforward_modules: names }, layer) => {
    refuseEmbedding('IA3Config', layer)
    // PEFT matches endings with or without a dot before them.
    const isFeedforward =
      typeof names === 'string'
        ? pythonRegex('whole', names).test(layer.module)
        : (names ?? []).some((name) => layer.module.endsWith(name))
    return { ...layer, isFeedforward }
  },
  shared: nothingShared,
  names: ({ module }) => [vectorName(module)],
  firstValues: (target, { init_ia3_weights }, { seed }) => {
    const { module, isFeedforward } = target
    const stream = random(seed, 'ia3', module)
    const size = sizeOf(target)
    const values = Float32Array.from({ length: size }, () => (init_ia3_weights ? 1 : stream.normal()))
    return { values: new Map([[vectorName(module), float32(isFeedforward ? [1, size] : [size, 1], values)]]) }
  },
  adapt: () => (g, node, output, target) => {
    if (target.isFeedforward) return rescaleInput(g, node, target)
    const vector = flat(g, target)
    const scaled = g.Mul(output, vector)
    if (target.bias === undefined || node.inputs[2]) return scaled
    // (x W + b) l = x W l + b (l - 1) + b, where another node adds b.
    return g.Add(scaled, g.Mul(getValue(g.graph, target.bias), g.Sub(vector, g.scalar(1))))
  },
  merge: (target, _, tensorOf, { weight, bias }) => {
    const vector = vectorOf(target, tensorOf)
    if (target.isFeedforward) return { weight: timesInputs(target, weight, vector), bias }
    const times = (tensor: Tensor) =>
      float32(
        tensor.dims,
        toFloat32(tensor).map((value, o) => value * (vector[o] as number)),
      )
    return { weight: timesOutputs(target, weight, vector), bias: bias && times(bias) }
  },
  // Weights with a factor of 0 cannot be divided back: they come from the base.
  unmerge: (target, _, tensorOf, { merged, original }) => {
    const vector = vectorOf(target, tensorOf)
    if (vector.includes(0)) return original
    const inverse = vector.map((factor) => 1 / factor)
    return target.isFeedforward ? timesInputs(target, merged, inverse) : timesOutputs(target, merged, inverse)
  },
  isActive: (target, _, tensorOf) => vectorOf(target, tensorOf).some((factor) => factor !== 1),
  status: () => ({}),
  loaded: (config) => config,
  summary: ({ feedforward_modules }) => `Feed-forward modules: ${[feedforward_modules ?? []].flat().join(', ')}.`,
  unswitchable: () => '(IA)³ cannot be switched',
  uncombinable: () => 'an adapter is (IA)³',
}

/** Name of the vector: [1, in] of a feed-forward layer, else [out, 1]. */
const vectorName = (module: string): string => parameterName(module, 'ia3_l')

const sizeOf = ({ isFeedforward, inFeatures, outFeatures }: Ia3Target): number =>
  isFeedforward ? inFeatures : outFeatures

const vectorOf = ({ module }: Ia3Target, tensorOf: TensorOf): Float32Array => toFloat32(tensorOf(vectorName(module)))

/** The vector in a graph, [in] or [out]. */
const flat = (g: Builder, target: Ia3Target): Value =>
  g.Reshape(getValue(g.graph, vectorName(target.module)), g.int64([sizeOf(target)]))

/** Rescales the input of the node, which is the graph's last. */
function rescaleInput(g: Builder, node: Node, target: Ia3Target): Value {
  const [x, ...rest] = node.inputs as [string, ...string[]]
  g.graph.nodes.pop()
  const scaled = g.Mul(getValue(g.graph, x), flat(g, target))
  g.graph.nodes.push({ ...node, inputs: [scaled.name, ...rest] })
  return getValue(g.graph, node.outputs[0] as string)
}
