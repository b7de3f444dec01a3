// Weights of classes in the loss: the options class_weight, named as in scikit-learn, and pos_weight, as in PyTorch.

import type { Label } from '@cola/data'
import { type Check, object } from '@cola/graph/options'

/** Weights of classes by their names; a class without one has 1. */
export type ClassWeights = Readonly<Record<string, number>>

/** `balanced`: rows / (classes * rows of the class), as in scikit-learn. */
export type ClassWeight = 'balanced' | ClassWeights

const areWeights = (value: unknown): boolean =>
  object[1](value) && Object.values(value as object).every((weight) => Number.isFinite(weight) && weight >= 0)

export const classWeight: Check = [
  "'balanced', or an object of a number from 0 for each label",
  (value) => value === 'balanced' || areWeights(value),
]

/** The weight of each class, for a loss. Every object has fields of its own kind, such as `constructor`. */
export const perLabel = (labels: readonly Label[], weights: ClassWeights): number[] =>
  labels.map(String).map((name) => (Object.hasOwn(weights, name) ? (weights[name] as number) : 1))

/** Options of `crossEntropy`. */
export const weightOption = (labels: readonly Label[], weights?: ClassWeights): { weight?: number[] } =>
  weights ? { weight: perLabel(labels, weights) } : {}
