// Adapter configurations: PEFT's field names, defaults and rules.

import { type Check, checkValue, closestName, isPromise, object } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import type { AdapterConfigJson, ConfigOf, PeftType } from '../methods/method.ts'
import { fieldsOfOthers, readMethod } from '../methods/methods.ts'
import { pythonRegex } from '../regex/python.ts'
import { check, type Fields } from '../schema.ts'
import { patternsOf } from './target.ts'

/** A configuration as users write it: fields with defaults are optional, and so is `peft_type` for LoRA. */
export type AdapterConfig<M extends PeftType = PeftType> = {
  [Type in M]: Fields<ConfigOf<Type>> & (Type extends 'LORA' ? unknown : { peft_type: Type })
}[M]

/** The method that a configuration selects by `peft_type`. */
export type MethodIn<Config> = Config extends { peft_type: infer M extends PeftType } ? M : 'LORA'

const settled: Check = ['a value', (value) => !isPromise(value)]

/** Whether a field has a value other than null, false, 'none' or empty. */
const isSet = (value: unknown): boolean =>
  value != null && value !== false && value !== 'none' && (typeof value !== 'object' || Object.keys(value).length > 0)

/**
 * Fills in PEFT's defaults.
 * @param where Names the configuration in errors. @default PEFT's class of the method
 * @throws {ConfigError} naming the field: an unknown method, an invalid value, a field of another method, an unusable
 * pattern, or a variant that this library does not compute.
 */
export function parseAdapterConfig<Config = AdapterConfig>(config: Config, where?: string): ConfigOf<MethodIn<Config>>
export function parseAdapterConfig(config: unknown, place?: string): AdapterConfigJson {
  checkValue(place ?? 'adapter configuration', config, object)
  const method = readMethod(config, place ?? 'adapter configuration')
  const where = place ?? method.configClass
  for (const [field, value] of Object.entries(config as object))
    checkValue(`${where}, field "${field}"`, value, settled)
  const checked = check(method.schema, config, where)
  for (const [field, others] of fieldsOfOthers(method)) {
    const value = (checked as unknown as Record<string, unknown>)[field]
    if (isSet(value))
      throw new ConfigError({
        where: `${where}, field "${field}"`,
        what: `${method.title} has no such field`,
        expected: `a field of PEFT's ${method.configClass}`,
        found: `one of ${others}`,
        fix: 'PEFT would ignore it: leave it out.',
      })
  }
  method.check(checked, where)
  for (const { field, use, pattern } of patternsOf(checked)) pythonRegex(use, pattern, `${where}, field "${field}"`)
  return checked
}

/** PEFT 0.21's fields beside those of the schemas: they decide nothing here, or are refused when they are set. */
const furtherFields = [
  ...['alora_invocation_tokens', 'arrow_config', 'auto_mapping', 'corda_config', 'eva_config', 'inference_mode'],
  ...['kasa_config', 'layer_replication', 'loftq_config', 'lora_ga_config', 'megatron_config', 'megatron_core'],
  ...['monteclora_config', 'peft_version', 'qalora_group_size', 'revision', 'target_parameters', 'use_bdlora'],
  ...['use_qalora', 'velora_config'],
]

/** What other libraries call PEFT's fields. */
const otherNames: Readonly<Record<string, string>> = {
  rank: 'r',
  alpha: 'lora_alpha',
  dropout: 'lora_dropout',
  modules: 'target_modules',
}

/**
 * Checks the names of a configuration's fields. Files of newer versions of PEFT may have others, users may not.
 * @throws {ConfigError} naming the first field that no configuration of PEFT's has.
 */
export function refuseUnknownFields(config: AdapterConfig): void {
  checkValue('adapter configuration', config, object)
  const method = readMethod(config, 'adapter configuration')
  const known = Object.keys(method.schema.entries)
  const all = [...known, ...fieldsOfOthers(method).keys(), ...furtherFields]
  for (const [field, value] of Object.entries(config)) {
    if (value === undefined || all.includes(field)) continue
    const other = Object.hasOwn(otherNames, field) ? otherNames[field] : undefined
    const meant = other !== undefined && known.includes(other) ? other : closestName(field, known)
    throw new ConfigError({
      where: `${method.configClass}, field "${field}"`,
      what: 'no such field',
      ...(meant === undefined ? { expected: known.join(', ') } : { fix: `Did you mean ${meant}?` }),
    })
  }
}
