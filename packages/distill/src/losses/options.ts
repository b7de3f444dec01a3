// Options of the losses, shared by their two forms.

/**
 * What the soft loss is multiplied by. With p = softmax(z / T), its gradient with respect to a logit is c (p_student - p_teacher) / T:
 * `inverse-square` c = 1/T^2, the report's: the gradient shrinks as 1/T^4 (1/T^3 by c and the division, 1/T because the p draw near each other);
 * `square` c = T^2, Hinton et al. 2015 and most libraries: the gradient keeps its size when T changes;
 * `none` c = 1: the gradient shrinks as 1/T^2.
 */
export type Scale = 'inverse-square' | 'square' | 'none'

export interface TemperatureOptions {
  /** Divides the logits of both. @default 2 */
  temperature?: number
  /** @default 'inverse-square' */
  scale?: Scale
  /** Weight of the teacher in the mixture of jensen_shannon, 0 to 1. @default 0.5 */
  beta?: number
}

export interface LabelOptions {
  /** Share of the probability given to all classes alike. @default 0 */
  label_smoothing?: number
  /** Weight of each class; torch.nn.CrossEntropyLoss. @default none */
  weight?: readonly number[]
}

export interface DistillationOptions extends TemperatureOptions, LabelOptions {
  /** Weight of the soft loss; the labels get 1 - alpha. @default 0.8 */
  alpha?: number
}

const powers: Readonly<Record<Scale, number>> = { 'inverse-square': -2, none: 0, square: 2 }

/** c of {@link Scale}. */
export const factorOf = ({ temperature = 2, scale = 'inverse-square' }: TemperatureOptions): number => temperature ** powers[scale]
