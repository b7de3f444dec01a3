// Adam, AdamW and SGD with PyTorch's names and defaults.

import { ConfigError } from '../errors.ts'
import { atLeast, type Check, type Checks, checkOptions, flag, list, listOf, shareBelow1 } from '@cola/graph/options'
import type { Optimizer, Transformation, Undriven } from './optimizer.ts'
import { addWeightDecay, clipByGlobalNorm, scaleByAdam, scaleByGroup, trace } from './transforms.ts'

/** Options of some parameters, chosen by name: PyTorch's parameter groups. */
export interface ParameterGroup {
  /** Parameters of the group: exact names, or a pattern. */
  params: readonly string[] | RegExp
  /** @default the optimizer's */
  weight_decay?: number
  /** Multiplies the learning rate. @default 1 */
  lr_scale?: number
}

/** Options that every optimizer has. */
export interface OptimizerOptions {
  /** @default 0 (adam, sgd), 0.01 (adamw) */
  weight_decay?: number
  /** Greatest joint L2 norm of the gradients; 0: no clipping. @default 0 */
  max_grad_norm?: number
  /** The first group that matches a parameter applies to it. @default none */
  groups?: readonly ParameterGroup[]
}

/** Options of Adam and AdamW, with PyTorch's names and defaults. */
export interface AdamOptions extends OptimizerOptions {
  /** @default [0.9, 0.999] */
  betas?: readonly [number, number]
  /** @default 1e-8 */
  eps?: number
}

/** Options of SGD, with PyTorch's names and defaults. */
export interface SgdOptions extends OptimizerOptions {
  /** @default 0 */
  momentum?: number
  /** @default false */
  nesterov?: boolean
}

const isString = (value: unknown): boolean => typeof value === 'string'
const names: Check = [
  'a RegExp or an array of names',
  (value) => value instanceof RegExp || (Array.isArray(value) && value.every(isString)),
]
const groupChecks: Checks<ParameterGroup> = { params: names, weight_decay: atLeast(0), lr_scale: atLeast(0) }
const optimizerChecks: Checks<OptimizerOptions> = { weight_decay: atLeast(0), max_grad_norm: atLeast(0), groups: list }
const adamChecks: Checks<AdamOptions> = { ...optimizerChecks, betas: listOf(shareBelow1, 2), eps: atLeast(0) }
const sgdChecks: Checks<SgdOptions> = { ...optimizerChecks, momentum: atLeast(0), nesterov: flag }

const rateFix = "The rate is given with each step: the Trainer's learning_rate, or runOptimizerStep(learningRate)."
const elsewhere = { lr: rateFix, learning_rate: rateFix, learningRate: rateFix }

function check(name: string, options: OptimizerOptions, checks: Checks<OptimizerOptions>): void {
  checkOptions(name, options, checks, false, elsewhere)
  for (const [i, group] of (options.groups ?? []).entries()) {
    checkOptions(`${name}, option groups[${i}]`, group, groupChecks)
    if (group.params === undefined)
      throw new ConfigError({
        where: `${name}, option groups[${i}]`,
        what: 'it names no parameters',
        expected: `params: ${names[0]}`,
      })
  }
}

// Not RegExp.test, which continues after the last match of a global pattern.
const groupOf = (groups: readonly ParameterGroup[], name: string): ParameterGroup | undefined =>
  groups.find(({ params }) => (params instanceof RegExp ? name.search(params) >= 0 : params.includes(name)))

const decayOf = ({ weight_decay = 0, groups = [] }: OptimizerOptions, name: string): number =>
  groupOf(groups, name)?.weight_decay ?? weight_decay

/** Effect of weight decay on elements without a gradient. */
const undriven =
  (options: OptimizerOptions, decayed: Undriven) =>
  (name: string): Undriven =>
    decayOf(options, name) === 0 ? 'fixed' : decayed

/** Weight decay of each distinct strength, over the parameters that have it. */
function decay(options: OptimizerOptions): Transformation[] {
  const { weight_decay = 0, groups = [] } = options
  const strengths = new Set([weight_decay, ...groups.map((group) => group.weight_decay ?? weight_decay)])
  return [...strengths]
    .filter((strength) => strength !== 0)
    .map((strength) => addWeightDecay(strength, (name) => decayOf(options, name) === strength))
}

const clip = ({ max_grad_norm = 0 }: OptimizerOptions): Transformation[] =>
  max_grad_norm > 0 ? [clipByGlobalNorm(max_grad_norm)] : []

function rates({ groups = [] }: OptimizerOptions): Transformation[] {
  return groups.some(({ lr_scale = 1 }) => lr_scale !== 1)
    ? [scaleByGroup((name) => groupOf(groups, name)?.lr_scale ?? 1)]
    : []
}

/** Options as JSON; a pattern as its source. */
const record = (options: OptimizerOptions): Record<string, unknown> =>
  JSON.parse(JSON.stringify(options, (_, value) => (value instanceof RegExp ? value.source : value)))

/** Adam with L2 penalty in the gradient: torch.optim.Adam. @throws {ConfigError} naming an option that is not valid. */
export function adam(options: AdamOptions = {}): Optimizer {
  check('adam', options, adamChecks)
  const { betas = [0.9, 0.999], eps = 1e-8 } = options
  return {
    name: 'adam',
    options: record(options),
    chain: [...clip(options), ...decay(options), scaleByAdam({ betas, eps }), ...rates(options)],
    undriven: undriven(options, 'other'),
  }
}

/**
 * Adam with decoupled weight decay (Loshchilov & Hutter 2019): torch.optim.AdamW.
 * @throws {ConfigError} naming an option that is not valid.
 */
export function adamw(options: AdamOptions = {}): Optimizer {
  check('adamw', options, adamChecks)
  const full = { ...options, weight_decay: options.weight_decay ?? 0.01 }
  const { betas = [0.9, 0.999], eps = 1e-8 } = full
  return {
    name: 'adamw',
    options: record(full),
    chain: [...clip(full), scaleByAdam({ betas, eps }), ...decay(full), ...rates(full)],
    undriven: undriven(full, 'proportional'),
  }
}

/**
 * Stochastic gradient descent with momentum: torch.optim.SGD.
 * @throws {ConfigError} naming an option that is not valid.
 */
export function sgd(options: SgdOptions = {}): Optimizer {
  check('sgd', options, sgdChecks)
  const { momentum = 0, nesterov = false } = options
  if (nesterov && momentum === 0)
    throw new ConfigError({
      where: 'sgd, option nesterov',
      what: 'it has no effect without momentum',
      expected: 'momentum above 0',
      found: '0',
    })
  return {
    name: 'sgd',
    options: record(options),
    chain: [...clip(options), ...decay(options), ...(momentum ? [trace(momentum, nesterov)] : []), ...rates(options)],
    undriven: undriven(options, 'proportional'),
  }
}
