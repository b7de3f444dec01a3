// LoraConfig: PEFT's names, defaults and rules.

import type { ParameterGroup } from '@cola/train'
import { ConfigError } from '../errors.ts'
import { pythonRegex } from '../regex/python.ts'
import { check, type LoraConfigJson, loraSchema } from '../schema.ts'
import { patternsOf } from './target.ts'

/** What of PEFT's LoraConfig this library understands; see PEFT's documentation for each field. */
export type LoraConfig = Partial<LoraConfigJson>

/** Fields that change the result and are not implemented: silence about them would give wrong numbers. */
const unsupported: Readonly<Record<string, (value: unknown) => boolean>> = {
  use_qalora: (value) => value === true,
  layer_replication: (value) => value != null,
  target_parameters: (value) => Array.isArray(value) && value.length > 0,
  alora_invocation_tokens: (value) => value != null,
}

/** Fields that PEFT takes only together with, or without, others. */
const contradictions: readonly {
  field: keyof LoraConfigJson & string
  what: string
  holds: (config: LoraConfigJson) => boolean
}[] = [
  {
    field: 'layers_to_transform',
    what: 'not for a target_modules that is one pattern',
    holds: (c) => c.layers_to_transform != null && typeof c.target_modules === 'string',
  },
  {
    field: 'layers_pattern',
    what: 'not for a target_modules that is one pattern',
    holds: (c) => c.layers_pattern != null && typeof c.target_modules === 'string',
  },
  {
    field: 'layers_pattern',
    what: 'needs layers_to_transform',
    holds: (c) => Boolean(c.layers_pattern?.length) && c.layers_to_transform == null,
  },
]

/**
 * Fills in PEFT's defaults.
 * @throws {ConfigError} naming the field: a bad value, a pattern that cannot be used, or a variant of LoRA that this
 * library does not compute.
 */
export function parseLoraConfig(config: unknown, where = 'LoraConfig'): LoraConfigJson {
  const checked = check(loraSchema, config, where)
  for (const [field, isSet] of Object.entries(unsupported)) {
    const value = (checked as Record<string, unknown>)[field]
    if (isSet(value))
      throw new ConfigError({
        where: `${where}, field "${field}"`,
        what: 'not supported',
        found: JSON.stringify(value),
        fix: 'Merge the adapter with PEFT, or train without it.',
      })
  }
  for (const { field, what, holds } of contradictions)
    if (holds(checked))
      throw new ConfigError({
        where: `${where}, field "${field}"`,
        what,
        found: JSON.stringify(checked[field]),
        fix: 'PEFT refuses it too.',
      })
  for (const { field, use, pattern } of patternsOf(checked)) pythonRegex(use, pattern, `${where}, field "${field}"`)
  return checked
}

/** alpha / r, or alpha / sqrt(r) with rank-stabilized LoRA (Kalajdzievski 2023). */
export const scaling = (alpha: number, r: number, rslora: boolean): number => alpha / (rslora ? Math.sqrt(r) : r)

/**
 * The report's configuration: all four projections, all LayerNorms and the head trainable. 0.63M of 125.03M for GPT-2,
 * 1.68M of 356.40M for medium.
 */
export const reportConfig: LoraConfig = {
  task_type: 'SEQ_CLS',
  r: 4,
  lora_alpha: 4,
  lora_dropout: 0,
  target_modules: ['c_attn', 'c_proj', 'c_fc'],
  modules_to_save: ['ln_1', 'ln_2', 'ln_f', 'score'],
  fan_in_fan_out: true,
}

/**
 * LoRA+ (Hayou et al. 2024): B learns `loraplus_lr_ratio` times as fast as A. For the option `groups` of an optimizer.
 */
export const loraPlus = (loraplus_lr_ratio: number): ParameterGroup[] => [
  { params: /\.lora_B\./, lr_scale: loraplus_lr_ratio },
]
