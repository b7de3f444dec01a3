// GPT-2's configuration: the fields of config.json, for any size.

import { requireKind } from '@cola/graph/door'
import { ConfigError } from '../errors.ts'
import { check, gpt2Schema, type Gpt2ConfigJson } from '../schema.ts'

/** GPT-2's configuration: the fields of its config.json that the graph depends on. */
export type Gpt2Config = Gpt2ConfigJson

/**
 * Checks the parsed contents of a config.json and fills in the defaults.
 * @throws {ConfigError} naming the field that is missing, contradictory, or has a value that GPT-2 checkpoints do not
 * use.
 */
export function parseGpt2Config(json: unknown, where = 'config.json'): Gpt2Config {
  const config = check(gpt2Schema, json, where)
  const refuse = (field: string, what: string, expected: string, found: unknown): never => {
    throw new ConfigError({ where: `${where}, field "${field}"`, what, expected, found: String(found) })
  }
  if (config.n_embd % config.n_head !== 0)
    refuse('n_head', 'does not divide n_embd', `a divisor of ${config.n_embd}`, config.n_head)
  if (!['gelu_new', 'gelu_pytorch_tanh', 'gelu'].includes(config.activation_function))
    refuse('activation_function', 'not supported', 'gelu_new, gelu_pytorch_tanh or gelu', config.activation_function)
  if (config.add_cross_attention) refuse('add_cross_attention', 'not supported', 'false', true)
  const labels = config.id2label && Object.keys(config.id2label).length
  if (labels && config.num_labels && labels !== config.num_labels)
    refuse('num_labels', 'contradicts id2label', String(labels), config.num_labels)
  return config
}

/** Number of classes: num_labels, or the number of id2label's entries. @default 2 */
export const labelCount = (config: Gpt2Config): number => {
  requireKind('labelCount, config', config, 'object')
  return config.num_labels ?? (config.id2label ? Object.keys(config.id2label).length : 2)
}
