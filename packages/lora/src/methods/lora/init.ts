// Initial values of an adapter's matrices, by PEFT's `init_lora_weights`. Some change the base matrix, so that the
// outputs of the model stay the same.

import { random } from '@cola/data'
import { float32, type Tensor, toFloat32 } from '@cola/graph'
import { closestValue } from '@cola/graph/options'
import { ConfigError } from '../../errors.ts'
import { orthonormal, randomizedSvd, truncatedSvd } from '../../linalg.ts'
import {
  arrayOf,
  columnsOf,
  type Matrix,
  matrixOf,
  multiply,
  range,
  rowsOf,
  scale,
  scaleColumns,
  scaleRows,
  subtract,
  transpose,
} from '../../matrix.ts'
import type { LoraConfigJson } from '../lora.ts'
import type { LoraTarget } from './matrices.ts'

export interface InitialValues {
  /** [r, in] */
  A: Tensor
  /** [out, r] */
  B: Tensor
  /** The base matrix without the part that A and B take, in its layout; undefined where it is unchanged. */
  base?: Tensor
}

interface InitContext {
  target: LoraTarget
  /** The base matrix, [out, in]. */
  weight: () => Matrix
  stream: (name: 'A' | 'B') => ReturnType<typeof random>
  seed: number
  /** Powers of `pissa_niter_N`; undefined for exact singular values. */
  iterations: number | undefined
}

type Init = (context: InitContext) => { A: Float32Array; B: Float32Array; changed?: Matrix }

/** U(-1/sqrt in, 1/sqrt in): kaiming_uniform with a = sqrt 5. */
const uniform = ({ target: { r, inFeatures }, stream }: InitContext): Float32Array => {
  const draw = stream('A')
  return Float32Array.from({ length: r * inFeatures }, () => (2 * draw.uniform() - 1) / Math.sqrt(inFeatures))
}

const normals = (stream: ReturnType<typeof random>, count: number, deviation: number): Float32Array =>
  Float32Array.from({ length: count }, () => stream.normal() * deviation)

const nothing = ({ target: { r, outFeatures } }: InitContext): Float32Array => new Float32Array(r * outFeatures)

/** W - scaling B A, where A and B take a part of W. */
const residual = ({ target, weight }: InitContext, A: Matrix, B: Matrix): Matrix =>
  subtract(weight(), scale(multiply(B, A), target.scaling))

const inits: Readonly<Record<string, Init>> = {
  true: (c) => ({ A: uniform(c), B: nothing(c) }),
  gaussian: (c) => ({ A: normals(c.stream('A'), c.target.r * c.target.inFeatures, 1 / c.target.r), B: nothing(c) }),
  /** PEFT's option for debugging: the initial adapter changes the outputs. */
  false: (c) => {
    const draw = c.stream('B')
    return {
      A: uniform(c),
      B: Float32Array.from(
        { length: c.target.r * c.target.outFeatures },
        () => (2 * draw.uniform() - 1) / Math.sqrt(c.target.r),
      ),
    }
  },
  /** A = sqrt(S) V', B = U sqrt(S) of W's greatest singular values. Meng et al. 2024. */
  pissa: (c) => {
    const { r, scaling } = c.target
    const { iterations, seed } = c
    const W = c.weight()
    const { U, S, V } =
      iterations === undefined ? truncatedSvd(W, r, { seed }) : randomizedSvd(W, r, { iterations, seed })
    const root = S.map((s) => Math.sqrt(s / scaling))
    const [A, B] = [scaleRows(V, root), scaleColumns(U, root)]
    return { A: arrayOf(A), B: arrayOf(B), changed: residual(c, A, B) }
  },
  /** B = Q, A = R of W = Q R, as far as the rank goes. Buyukakyuz 2024. */
  olora: (c) => {
    const W = c.weight()
    const B = orthonormal(columnsOf(W, range(c.target.r)))
    const A = multiply(transpose(B), W)
    return { A: arrayOf(A), B: arrayOf(B), changed: residual(c, A, B) }
  },
  /** A and B on orthogonal halves of a random basis, so that B A = 0 though neither is. */
  orthogonal: (c) => {
    const { r, inFeatures, outFeatures, module } = c.target
    if (r % 2 !== 0)
      throw new ConfigError({
        where: `LoraConfig, field "init_lora_weights", module "${module}"`,
        what: 'orthogonal needs an even rank',
        expected: 'an even r',
        found: String(r),
      })
    const draw = c.stream('A')
    const basis = orthonormal(matrixOf(normals(draw, r * r, 1), r, r))
    const half = (offset: number) =>
      rowsOf(
        basis,
        range(r / 2).map((i) => 2 * i + offset),
      )
    const A = multiply(transpose(half(0)), matrixOf(normals(draw, (r / 2) * inFeatures, 0.1), r / 2, inFeatures))
    const B = multiply(matrixOf(normals(c.stream('B'), (r / 2) * outFeatures, 0.1), outFeatures, r / 2), half(1))
    return { A: arrayOf(A), B: arrayOf(B) }
  },
}

/**
 * PEFT's initialization of embeddings, for every `init_lora_weights`: A zero and B normal; with `false` both normal.
 */
const embedded = (c: InitContext, { init_lora_weights }: LoraConfigJson) => {
  const { r, inFeatures, outFeatures } = c.target
  return {
    A: init_lora_weights === false ? normals(c.stream('A'), r * inFeatures, 1) : new Float32Array(r * inFeatures),
    B: normals(c.stream('B'), outFeatures * r, 1),
    changed: undefined,
  }
}

/**
 * Initial values of a target.
 * @throws {ConfigError} for a way of initializing that is not known.
 */
export function initialValues(target: LoraTarget, config: LoraConfigJson, base: Tensor, seed: number): InitialValues {
  const given = String(config.init_lora_weights)
  const iterations = /^pissa_niter_(\d+)$/.exec(given)?.[1]
  const name = iterations ? 'pissa' : given
  const init = inits[name]
  if (!init)
    throw new ConfigError({
      where: 'LoraConfig, field "init_lora_weights"',
      what: 'not supported',
      expected: Object.keys(inits).join(', '),
      found: name,
      fix: closestValue(name, Object.keys(inits)),
    })
  const { module, r, inFeatures, outFeatures, transposed, kind } = target
  const matrix = () => matrixOf(toFloat32(base), base.dims[0] as number, base.dims[1] as number)
  const context: InitContext = {
    target,
    weight: () => (transposed ? matrix() : transpose(matrix())),
    stream: (which) => random(seed, 'lora', `base_model.model.${module}.lora_${which}.weight`),
    seed,
    iterations: iterations ? Number(iterations) : undefined,
  }
  const { A, B, changed } = kind === 'embedding' ? embedded(context, config) : init(context)
  return {
    A: float32([r, inFeatures], A),
    B: float32([outFeatures, r], B),
    ...(changed ? { base: float32(base.dims, arrayOf(transposed ? changed : transpose(changed))) } : {}),
  }
}
