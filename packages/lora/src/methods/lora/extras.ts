// Parameters beside LoRA's two matrices, each keyed by the field of the configuration that enables it.

import { float32, type Tensor, toFloat32 } from '@cola/graph'
import { parameterName, type Target } from '../target.ts'
import { outputNorms } from '../weights.ts'
import { magnitudeName } from './variants.ts'

interface Extra {
  readonly name: (module: string) => string
  readonly firstValue: (target: Target, weight: Tensor) => Tensor
}

/** Name of B's bias [out], with `lora_bias`. */
export const biasName = (module: string): string => parameterName(module, 'lora_B.bias')

const extras = {
  lora_bias: {
    name: biasName,
    firstValue: ({ outFeatures }) => float32([outFeatures], new Float32Array(outFeatures)),
  },
  use_dora: { name: magnitudeName, firstValue: outputNorms },
} as const satisfies Readonly<Record<string, Extra>>

export type ExtraField = keyof typeof extras

/** Fields that enable more parameters. */
export const extraFields = Object.keys(extras) as ExtraField[]

/** The parameters that a configuration enables. */
export const extrasOf = (config: Readonly<Record<ExtraField, boolean>>): Extra[] =>
  extraFields.filter((name) => config[name]).map((name) => extras[name])

/** Whether a parameter differs from its first value. */
export function hasMoved({ firstValue }: Extra, target: Target, weight: Tensor, value: Tensor): boolean {
  const first = toFloat32(firstValue(target, weight))
  return toFloat32(value).some((x, i) => x !== first[i])
}
