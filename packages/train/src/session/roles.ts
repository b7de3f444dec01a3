// What an exported model's inputs are for, under the names that transformers, TensorFlow's BERT and PyTorch's exporters
// give them.

import { type Graph, getValue } from '@cola/graph'

export type InputRole =
  | 'input_ids'
  | 'attention_mask'
  | 'token_type_ids'
  | 'position_ids'
  | 'token_weights'
  | 'last_token'

const names: Readonly<Record<InputRole, readonly string[]>> = {
  input_ids: ['input_ids', 'input_word_ids', 'input', 'inputs', 'ids', 'tokens', 'token_ids'],
  attention_mask: ['attention_mask', 'input_mask', 'mask', 'padding_mask'],
  token_type_ids: ['token_type_ids', 'input_type_ids'],
  position_ids: ['position_ids'],
  token_weights: ['token_weights'],
  last_token: ['last_token'],
}

const roles = new Map(
  Object.entries(names).flatMap(([role, list]) => list.map((name) => [name, role as InputRole] as const)),
)

/** What a name says, without the number that PyTorch (`input.1`) or TensorFlow (`input_ids:0`) puts behind it. */
const named = (name: string): InputRole | undefined => roles.get(name) ?? roles.get(name.replace(/[.:]\d+$/, ''))

/**
 * The role of an input; one table of whole numbers under any other name is the token ids. Undefined for what is not
 * made of text.
 */
export function roleOf(graph: Graph, name: string): InputRole | undefined {
  const known = named(name)
  if (known) return known
  const tables = graph.inputs.filter((input) => named(input) === undefined && isTable(graph, input))
  return tables.length === 1 && tables[0] === name && !graph.inputs.some((input) => named(input) === 'input_ids')
    ? 'input_ids'
    : undefined
}

function isTable(graph: Graph, name: string): boolean {
  const { dtype, shape } = getValue(graph, name)
  return shape.length === 2 && (dtype === 'int64' || dtype === 'int32')
}
