// Options of the losses, shared by their two forms, and what each may be.

import {
  atLeast,
  type Check,
  checkOptions,
  type Checks,
  defined,
  listOf,
  oneOf,
  positive,
  share,
} from '@cola/graph/options'

/**
 * What the soft loss is multiplied by. With p = softmax(z / T), its gradient with respect to a logit is c (p_student -
 * p_teacher) / T:
 * `square` c = T^2, Hinton et al. 2015 and most libraries: the gradient keeps its size when T changes;
 * `none` c = 1: the gradient shrinks as 1/T^2;
 * `inverse-square` c = 1/T^2: it shrinks as 1/T^4 (1/T^3 by c and the division, 1/T because the p draw near each
 * other).
 */
export type Scale = 'square' | 'none' | 'inverse-square'

/** Temperature of the soft targets, and how the loss is scaled by it. */
export interface TemperatureOptions {
  /** Divides the logits of both; above 0. @default 2 */
  temperature?: number
  /** @default 'square' */
  scale?: Scale
  /**
   * Weight of the teacher in the mixture of jensen_shannon, above 0 and below 1, where the loss would be 0 for any
   * student.
   * @default 0.5
   */
  beta?: number
}

/** Labels beside the teacher, and their share of the loss. */
export interface LabelOptions {
  /** Share of the probability given to all classes alike, 0 to 1. @default 0 */
  label_smoothing?: number
  /** Weight of each class, at least 0; torch.nn.CrossEntropyLoss. @default none */
  weight?: readonly number[]
}

export interface DistillationOptions extends TemperatureOptions, LabelOptions {
  /** Weight of the soft loss, 0 to 1; the labels get 1 - alpha. @default 0.5 */
  alpha?: number
}

const powers: Readonly<Record<Scale, number>> = { square: 2, none: 0, 'inverse-square': -2 }

/** Those of transformers' distillation scripts: T = 2, the two losses in equal shares, the soft one times T^2. */
export const distillationDefaults = { temperature: 2, scale: 'square', beta: 0.5, alpha: 0.5 } as const

/** c of {@link Scale}. */
export function factorOf(options: TemperatureOptions): number {
  const { temperature, scale } = { ...distillationDefaults, ...defined(options) }
  return temperature ** powers[scale]
}

const temperatureChecks: Checks<TemperatureOptions> = {
  temperature: positive,
  scale: oneOf(Object.keys(powers)),
  beta: ['a number above 0 and below 1', (value) => share[1](value) && value !== 0 && value !== 1],
}

export const labelChecks: Checks<LabelOptions> = { label_smoothing: share, weight: listOf(atLeast(0)) }

/** Checks of the options of the distillation loss. */
export const distillationChecks: Checks<DistillationOptions> = { ...temperatureChecks, ...labelChecks, alpha: share }

/**
 * Checks the options of a loss. Those of other losses may be among them: one object may serve several losses.
 * @param checks Those that the loss has beside the options of all losses. @default none
 * @throws {ConfigError} naming the first that is unknown or not what it should be.
 */
export const checkLossOptions = (where: string, options: object, checks: Readonly<Record<string, Check>> = {}): void =>
  checkOptions(where, options, { ...distillationChecks, ...checks }, false, otherWeights)

const weights = 'It is loss: { weight: [...] }: a number for each class, in the order of labels.'

/** What does here what other functions' weights do there. */
export const otherWeights: Readonly<Record<string, string>> = {
  class_weight: weights,
  class_weights: weights,
  pos_weight: `A text has one class. ${weights}`,
}

/** Those of the options that concern the labels. */
export const labelOptions = ({ label_smoothing, weight }: LabelOptions): LabelOptions => ({
  ...(label_smoothing === undefined ? {} : { label_smoothing }),
  ...(weight === undefined ? {} : { weight }),
})
