// Trains some rows of an embedding in full and freezes the others: PEFT's `trainable_token_indices`, for tokens that
// were added to a vocabulary. A head that shares the matrix (lm_head) uses the trained rows too.

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

/** Name of the trained rows, [indices, embedding_dim]. They replace the rows; PEFT's "delta" is a misnomer. */
export const trainedRowsName = (module: string): string => parameterName(module, 'token_adapter.trainable_tokens_delta')

/**
 * The embeddings that `trainable_token_indices` names; a list without names refers to the embedding of `input_ids`.
 * @param isAdapted Whether a module is a target of the adapter or trained in full.
 * @throws {ConfigError} for a name that is not an embedding, for one that is trained in another way too, and for
 * indices outside of its rows.
 */
export function tokenTargets(
  graph: Graph,
  { trainable_token_indices: requested }: AdapterConfigJson,
  isAdapted: (module: string) => boolean,
): TokenTarget[] {
  if (requested === null || requested === undefined) return []
  const layers = [...new Map(embeddingLayers(graph).map((layer) => [layer.module, layer])).values()]
  const input = layers.find(({ node }) => comesFrom(graph, node.inputs[1] as string, 'input_ids'))
  const named = Array.isArray(requested)
    ? [[input?.module ?? 'the input embeddings', requested] as const]
    : Object.entries(requested)
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
    if (isAdapted(layer.module))
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

/** Whether a value is the graph input, possibly reshaped or cast. */
function comesFrom(graph: Graph, name: string, input: string): boolean {
  const producer = producersOf(graph).get(name)
  if (!producer) return name === input
  return (
    ['Cast', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze'].includes(producer.opType) &&
    comesFrom(graph, producer.inputs[0] as string, input)
  )
}

/**
 * Adds the trained rows as a parameter, initialized from the matrix, and makes every consumer of the matrix use them.
 * Changes the graph in place.
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
  const [position, isTrained] = [new Int32Array(rows), new Float32Array(rows)]
  indices.forEach((index, i) => {
    position[index] = i
    isTrained[index] = 1
  })
  const lookup: Lookup = {
    position: addInitializer(graph, `constant.${module}.place`, tensor('int32', [rows], position)),
    isTrained: addInitializer(graph, `constant.${module}.chosen`, float32([rows], isTrained)),
  }
  rewriteOutputs(graph, (node, output, g) =>
    isLookup(node, weight) ? rowsOf(g, node, output, trained, lookup) : undefined,
  )
  if (graph.nodes.some((node) => node.inputs.includes(weight) && !isLookup(node, weight)))
    replaceMatrix(graph, weight, trained, indices)
}

interface Lookup {
  /** int32 `[num_embeddings]`: index of the trained row of each token; 0 where there is none. */
  position: Value
  /** float32 `[num_embeddings]`: 1 for tokens with a trained row. */
  isTrained: Value
}

/** The output of the lookup, with the trained rows in place of those of their tokens. */
function rowsOf(g: Builder, node: Node, output: Value, trained: Value, { position, isTrained }: Lookup): Value {
  const indices = getValue(g.graph, node.inputs[1] as string)
  const mask = g.Greater(g.Gather(isTrained, indices), g.scalar(0.5))
  return g.Where(g.Unsqueeze(mask, g.int64([-1])), g.Gather(trained, g.Gather(position, indices)), output)
}

/** Gives consumers other than lookups the matrix with the trained rows scattered into it. */
function replaceMatrix(graph: Graph, weight: string, trained: Value, indices: readonly number[]): void {
  const nodes = graph.nodes
  graph.nodes = []
  const g = build(graph)
  const positions = g.constant(
    `constant.${weight}.trained`,
    tensor('int64', [indices.length, 1], BigInt64Array.from(indices, BigInt)),
  )
  const updated = g.ScatterND(getValue(graph, weight), positions, trained)
  const read = (name: string): string => (name === weight ? updated.name : name)
  graph.nodes = [
    ...graph.nodes,
    ...nodes.map((node) => (isLookup(node, weight) ? node : { ...node, inputs: node.inputs.map(read) })),
  ]
}
