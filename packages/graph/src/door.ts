// Checks that a function is given what it works on, before it reads anything of it: a graph, a tensor, bytes, a list.

import { callable, type Check, checkValue, list, map, object, string } from './options.ts'

type Fields = Readonly<Record<string, unknown>> | null | undefined

const fieldOf = (value: unknown, name: string): unknown => (value as Fields)?.[name]
const hasNodes = (value: unknown): boolean => Array.isArray(fieldOf(value, 'nodes'))

/** Whether a value is a graph: its parts are not looked at. */
export const isGraph = (value: unknown): boolean => hasNodes(value) && fieldOf(value, 'initializers') instanceof Map

/** What functions take, in words and as a predicate. */
const kinds = {
  nodes: ['a graph, or its nodes', hasNodes],
  graph: ['a graph, such as readModel and createGraph give', isGraph],
  model: ['a model: an object with a graph', (value) => isGraph(fieldOf(value, 'graph'))],
  builder: ['a builder, which build(graph) gives', (value) => typeof fieldOf(value, 'node') === 'function'],
  value: ['a value of a graph', (value) => Array.isArray(fieldOf(value, 'shape'))],
  tensor: [
    'a tensor, such as float32, tensor and parseSafetensors give',
    (value) => Array.isArray(fieldOf(value, 'dims')) && typeof fieldOf(value, 'bytes') === 'function',
  ],
  bytes: ['bytes, in a Uint8Array', (value) => Object.prototype.toString.call(value) === '[object Uint8Array]'],
  files: ['a path, or files of openFiles', (value) => typeof fieldOf(value, 'read') === 'function'],
  function: callable,
  list,
  map,
  object,
  text: string,
  iterable: [
    'an array, or another iterable object',
    (value) =>
      typeof value === 'object' &&
      typeof (value as { [Symbol.iterator]?: unknown } | null)?.[Symbol.iterator] === 'function',
  ],
} satisfies Record<string, Check>

/**
 * @param where Name of the function, and of the parameter.
 * @throws {ConfigError} for what is none of the kind.
 */
export const requireKind = (where: string, value: unknown, kind: keyof typeof kinds): void =>
  checkValue(where, value, kinds[kind])
