// @cola/distill/loss: the losses as plain functions, for an app that trains elsewhere: no graph and no runtime.

export type { DistillationOptions, LabelOptions, Scale, TemperatureOptions } from './losses/loss-options.ts'
export type { PairLossName } from './losses/pair-functions.ts'
export { crossEntropyLoss, kdLoss, type PairInput, pairLoss } from './losses/plain-losses.ts'
export type { ValueAndGradient } from './losses/row-numerics.ts'
