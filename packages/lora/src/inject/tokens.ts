// Chosen rows of an embedding trained in full while the rest is frozen: PEFT's `trainable_token_indices`, for tokens
// added to a vocabulary. A head that shares the matrix (lm_head) reads the trained rows too.

import {
  addInitializer,
  build,
  type Builder,
  float32,
  type Graph,
  getValue,
  producersOf,
  type Node,
  rewriteOutputs,
  type Tensor,
  tensor,
  toFloat32,
  type Value,
} from '@cola/graph'
import { ConfigError } from '../errors.ts'
import type { AdapterConfigJson } from '../methods/method.ts'
import { parameterName } from '../methods/target.ts'
import { type EmbeddingLayer, embeddingLayers, isLookup } from './embedding.ts'
import { endsWith } from './target.ts'

export interface TokenTarget {
  /** Module name of the embedding. */
  module: string
  /** Initializer that holds its matrix, [num_embeddings, embedding_dim]. */
  weight: string
  indices: readonly number[]
}

/** Name of the trained rows, [indices, embedding_dim]: the rows themselves, whatever "delta" says. */
export const trainedRowsName = (module: string): string => parameterName(module, 'token_adapter.trainable_tokens_delta')

/**
 * The embeddings that `trainable_token_indices` names: a list is for the one that `input_ids` are looked up in.
 * @throws {ConfigError} for a name that is no embedding's, one that is trained in another way too, and indices that it
 * does not have.
 */
export function tokenTargets(
  graph: Graph,
  { trainable_token_indices: chosen }: AdapterConfigJson,
  taken: (module: string) => boolean,
): TokenTarget[] {
  if (chosen === null || chosen === undefined) return []
  const layers = [...new Map(embeddingLayers(graph).map((layer) => [layer.module, layer])).values()]
  const input = layers.find(({ node }) => comesFrom(graph, node.inputs[1] as string, 'input_ids'))
  const named = Array.isArray(chosen)
    ? [[input?.module ?? 'the input embeddings', chosen] as const]
    : Object.entries(chosen)
  return named.map(([name, indices]) => {
    const layer = layers.find(({ module }) => endsWith(module, name))
    const where = 'LoraConfig, field "trainable_token_indices"'
    if (!layer)
      throw new ConfigError({
        where,
        what: 'no such embedding',
        expected: layers.map(({ module }) => module).join(', ') || 'a model with one',
        found: name,
      })
    if (taken(layer.module))
      throw new ConfigError({
        where,
        what: `"${layer.module}" is a target of LoRA or trained in full too`,
        fix: 'Name it in one of the fields only.',
      })
    check(layer, indices, where)
    return { module: layer.module, weight: layer.weight, indices }
  })
}

function check({ module, num_embeddings }: EmbeddingLayer, indices: readonly number[], where: string): void {
  const wrong = indices.find(
    (index, i) => !Number.isInteger(index) || index < 0 || index >= num_embeddings || indices.indexOf(index) !== i,
  )
  if (wrong !== undefined || indices.length === 0)
    throw new ConfigError({
      where,
      what: `not rows of "${module}"`,
      expected: `distinct whole numbers from 0 to ${num_embeddings - 1}`,
      found: wrong === undefined ? 'none' : String(wrong),
    })
}

/** Whether a value is a graph's input, or only another shape or element type of it. */
function comesFrom(graph: Graph, name: string, input: string): boolean {
  const maker = producersOf(graph).get(name)
  if (!maker) return name === input
  return (
    ['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'].includes(maker.opType) &&
    comesFrom(graph, maker.inputs[0] as string, input)
  )
}

/**
 * Adds the trained rows as parameters, at first those of the matrix, and makes every reader of the matrix read them,
 * in place.
 */
export function trainRows(graph: Graph, { module, weight, indices }: TokenTarget): void {
  const name = trainedRowsName(module)
  const [rows, columns] = getValue(graph, weight).shape as [number, number]
  const matrix = toFloat32(graph.initializers.get(weight) as Tensor)
  const values = new Float32Array(indices.length * columns)
  indices.forEach((index, i) => {
    values.set(matrix.subarray(index * columns, (index + 1) * columns), i * columns)
  })
  const trained = addInitializer(graph, name, float32([indices.length, columns], values))
  const [place, chosen] = [new Int32Array(rows), new Float32Array(rows)]
  indices.forEach((index, i) => {
    place[index] = i
    chosen[index] = 1
  })
  const lookup: Lookup = {
    place: addInitializer(graph, `constant.${module}.place`, tensor('int32', [rows], place)),
    chosen: addInitializer(graph, `constant.${module}.chosen`, float32([rows], chosen)),
  }
  rewriteOutputs(graph, (node, output, g) =>
    isLookup(node, weight) ? rowsOf(g, node, output, trained, lookup) : undefined,
  )
  if (graph.nodes.some((node) => node.inputs.includes(weight) && !isLookup(node, weight)))
    replaceMatrix(graph, weight, trained, indices)
}

interface Lookup {
  /** int32 [num_embeddings]: which trained row stands for each. */
  place: Value
  /** float32 [num_embeddings]: 1 where one does. */
  chosen: Value
}

/** The looked-up rows, those of chosen tokens from the trained ones. */
function rowsOf(g: Builder, node: Node, output: Value, trained: Value, { place, chosen }: Lookup): Value {
  const indices = getValue(g.graph, node.inputs[1] as string)
  const isChosen = g.Greater(g.Gather(chosen, indices), g.scalar(0.5))
  return g.Where(g.Unsqueeze(isChosen, g.int64([-1])), g.Gather(trained, g.Gather(place, indices)), output)
}

/** Other readers get the matrix with the trained rows in it. */
function replaceMatrix(graph: Graph, weight: string, trained: Value, indices: readonly number[]): void {
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  const places = g.constant(
    `constant.${weight}.trained`,
    tensor('int64', [indices.length, 1], BigInt64Array.from(indices, BigInt)),
  )
  const whole = g.ScatterND(getValue(graph, weight), places, trained)
  const read = (name: string): string => (name === weight ? whole.name : name)
  graph.nodes = [
    ...graph.nodes,
    ...nodes.map((node) => (isLookup(node, weight) ? node : { ...node, inputs: node.inputs.map(read) })),
  ]
}
