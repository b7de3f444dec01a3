// Roles of an exported model's inputs, from the names that transformers, TensorFlow's BERT and PyTorch's exporters use.

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

/** The role by name, without the number that PyTorch (`input.1`) or TensorFlow (`input_ids:0`) appends. */
const roleByName = (name: string): InputRole | undefined => roles.get(name) ?? roles.get(name.replace(/[.:]\d+$/, ''))

/**
 * The role of an input. If no name says `input_ids`, the only integer matrix under another name is it. Undefined for
 * inputs that are not computed from text.
 */
export function roleOf(graph: Graph, name: string): InputRole | undefined {
  const role = roleByName(name)
  if (role) return role
  const matrices = graph.inputs.filter((input) => roleByName(input) === undefined && isIntegerMatrix(graph, input))
  const hasIds = graph.inputs.some((input) => roleByName(input) === 'input_ids')
  return matrices.length === 1 && matrices[0] === name && !hasIds ? 'input_ids' : undefined
}

function isIntegerMatrix(graph: Graph, name: string): boolean {
  const { dtype, shape } = getValue(graph, name)
  return shape.length === 2 && (dtype === 'int64' || dtype === 'int32')
}
