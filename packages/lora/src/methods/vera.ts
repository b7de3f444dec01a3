// VeRA: all layers share two frozen random matrices, and each learns two vectors that scale them. Kopiczko et al. 2024,
// VeRA: Vector-based Random Matrix Adaptation. PEFT's VeraConfig.

import { random } from '@cola/data'
import { type Builder, float32, getValue, type Tensor, toFloat32, transposeMatrix, type Value } from '@cola/graph'
import { adapterSchema, field, type Output } from '../schema.ts'
import { patternWithoutLayers, refuseContradictions, refuseEmbedding, refuseRank } from './checks.ts'
import { attentionModules } from './default-modules.ts'
import { sharedDropout } from './dropout.ts'
import type { Method, Names, SharedTensors, TensorOf } from './method.ts'
import { parameterName, type Target } from './target.ts'
import { torchGenerator } from './vera/torch-generator.ts'
import { plusProduct } from './weights.ts'

const schema = adapterSchema('VERA', {
  r: field.positive(256),
  projection_prng_key: field.whole(0),
  save_projection: field.boolean(true),
  vera_dropout: field.probability(0),
  d_initial: field.number(0.1),
  bias: field.oneOf(['none', 'all', 'vera_only'], 'none'),
  init_weights: field.boolean(true),
  layers_to_transform: field.layers,
  layers_pattern: field.modules,
})

/** A VeRA configuration as PEFT saves it. */
export type VeraConfigJson = Output<typeof schema>

interface VeraTarget extends Target {
  readonly r: number
}

export interface VeraTypes {
  config: VeraConfigJson
  target: VeraTarget
}

/** The projections in the graph: A [r, greatest inFeatures], B [greatest outFeatures, r]; targets use slices. */
const [nameA, nameB] = ['constant.vera_A', 'constant.vera_B'] as const

/** Names of a target's vectors: lambda_b [out] and lambda_d [r]. */
const vectorNames = (module: string): [b: string, d: string] => [
  parameterName(module, 'vera_lambda_b'),
  parameterName(module, 'vera_lambda_d'),
]

/** PEFT draws them from `projection_prng_key`, so that a file may leave them out (`save_projection`). */
const projections: SharedTensors<VeraTypes> = {
  names: new Map([
    [nameA, 'base_model.vera_A'],
    [nameB, 'base_model.vera_B'],
  ]),
  fix: 'It was saved without its projections: with save_projection: false they are drawn from projection_prng_key.',
  areSaved: ({ save_projection }) => save_projection,
  values: ({ r, projection_prng_key }, targets) => {
    const greatest = (sizes: readonly number[]) => sizes.reduce((a, b) => Math.max(a, b), 0)
    const generator = torchGenerator(projection_prng_key)
    // He et al. 2015: U(-sqrt(6 / columns), sqrt(6 / columns)), in the steps in which PEFT computes the bound.
    const drawn = (rows: number, columns: number) => {
      const bound = Math.sqrt(3) * (Math.sqrt(2) / Math.sqrt(columns))
      return float32([rows, columns], generator.uniform(rows * columns, -bound, bound))
    }
    const A = drawn(r, greatest(targets.map(({ inFeatures }) => inFeatures)))
    const B = drawn(greatest(targets.map(({ outFeatures }) => outFeatures)), r)
    return new Map([
      [nameA, A],
      [nameB, B],
    ])
  },
}

export const vera: Method<VeraTypes> = {
  title: 'VeRA',
  configClass: 'VeraConfig',
  prefix: 'vera_lambda_',
  schema,
  suggested: { target_modules: 'all-linear' },
  check: (config, where) => refuseContradictions(config, [patternWithoutLayers], where),
  patterns: () => [],
  keyedByModule: [],
  // TRANSFORMERS_MODELS_TO_VERA_TARGET_MODULES_MAPPING
  defaultModules: { target_modules: new Map<string, Names>([...attentionModules, ['phi', ['q_proj', 'v_proj']]]) },
  target: ({ r }, layer) => {
    refuseEmbedding('VeraConfig', layer)
    refuseRank('VeraConfig', r, layer)
    return { ...layer, r }
  },
  shared: projections,
  names: ({ module }) => vectorNames(module),
  firstValues: ({ module, r, outFeatures }, { init_weights, d_initial }, { seed }) => {
    const [nameOfB, nameOfD] = vectorNames(module)
    const stream = random(seed, 'vera', module)
    const b = new Float32Array(outFeatures).fill(init_weights ? 0 : 1)
    const d = Float32Array.from({ length: r }, () => (init_weights ? d_initial : stream.normal()))
    return {
      values: new Map([
        [nameOfB, float32([outFeatures], b)],
        [nameOfD, float32([r], d)],
      ]),
    }
  },
  // y + lambda_b * (B (lambda_d * (A x))); layers with the same input share A x.
  adapt: ({ vera_dropout }) => {
    const drop = sharedDropout(vera_dropout, 'vera_dropout')
    const [parts, products] = [new Map<string, Value>(), new Map<string, Value>()]
    return (g, node, output, target) => {
      const { module, inFeatures, outFeatures } = target
      const [b, d] = vectorNames(module).map((name) => getValue(g.graph, name)) as [Value, Value]
      const A = kept(parts, `A ${inFeatures}`, () => first(g, nameA, 1, inFeatures))
      const B = kept(parts, `B ${outFeatures}`, () => first(g, nameB, 0, outFeatures))
      const x = drop(g, getValue(g.graph, node.inputs[0] as string), module)
      const low = kept(products, `${x.name} ${inFeatures}`, () => product(g, x, A))
      return g.Add(output, g.Mul(product(g, g.Mul(low, d), B), b))
    }
  },
  merge: (target, _, tensorOf, { weight, bias }) => ({ weight: shifted(target, weight, tensorOf, 1), bias }),
  unmerge: (target, _, tensorOf, { merged }) => shifted(target, merged, tensorOf, -1),
  isActive: ({ module }, _, tensorOf) =>
    vectorNames(module).every((name) => toFloat32(tensorOf(name)).some((value) => value !== 0)),
  status: ({ r }) => ({ r }),
  loaded: (config) => config,
  summary: ({ r }) => `Rank ${r}.`,
  unswitchable: () => 'VeRA cannot be switched',
  uncombinable: () => 'an adapter is VeRA',
}

/** The value of a key; a missing one is computed and stored. */
function kept(values: Map<string, Value>, key: string, make: () => Value): Value {
  const value = values.get(key) ?? make()
  values.set(key, value)
  return value
}

/** The first rows (axis 0) or columns (axis 1) of a projection. */
function first(g: Builder, name: string, axis: 0 | 1, count: number): Value {
  const whole = getValue(g.graph, name)
  return whole.shape[axis] === count ? whole : g.Slice(whole, g.int64([0]), g.int64([count]), g.int64([axis]))
}

/** x M' */
const product = (g: Builder, x: Value, matrix: Value): Value =>
  x.shape.length === 2 ? g.Gemm(x, matrix, { transB: 1 }) : g.MatMul(x, transposeMatrix(g, matrix))

/** W + sign (lambda_b * B) (lambda_d * A). */
function shifted(target: VeraTarget, weight: Tensor, tensorOf: TensorOf, sign: 1 | -1): Tensor {
  const { module, r, inFeatures } = target
  const [b, d] = vectorNames(module).map((name) => toFloat32(tensorOf(name))) as [Float32Array, Float32Array]
  const [wholeA, wholeB] = [tensorOf(nameA), tensorOf(nameB)]
  const A = scaledRows(toFloat32(wholeA), wholeA.dims[1] as number, d, inFeatures)
  const B = scaledRows(toFloat32(wholeB), r, b, r)
  return plusProduct(target, weight, { A, B, r }, sign)
}

/** The first values of each row, as many rows as there are factors, times the row's factor. */
function scaledRows(values: Float32Array, width: number, factors: Float32Array, columns: number): Float32Array {
  const rows = new Float32Array(factors.length * columns)
  factors.forEach((factor, row) => {
    for (let i = 0; i < columns; i++) rows[row * columns + i] = factor * (values[row * width + i] as number)
  })
  return rows
}
