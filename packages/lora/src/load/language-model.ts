// Next-token logits of an exported decoder: its output, or computed from its hidden states and tied embeddings.

import {
  build,
  cloneGraph,
  formatValue,
  getValue,
  type Graph,
  type Model,
  prune,
  renameValues,
  uniqueName,
  type Value,
} from '@cola/graph'
import { vocabularySize } from '@cola/train'
import { ConfigError } from '../errors.ts'
import { embeddingLayers } from '../inject/embedding.ts'
import { tiesEmbeddings } from '../onnx/decoders.ts'
import { hiddenStates, isHidden } from '../onnx/hidden.ts'

type Config = Readonly<Record<string, unknown>> & { model_type: string }

/** Fields of a configuration that transform the logits, with the values that leave them unchanged. */
const logitScales: Readonly<Record<string, unknown>> = {
  final_logit_softcapping: null,
  logit_scale: 1,
  logits_scaling: 1,
}

/**
 * A copy of the model whose first output is `logits` [batch, sequence, vocab_size]; of the others, those that are kept
 * follow it.
 * @param causal Whether a token attends to earlier tokens only.
 * @param keeps Which other outputs are kept, such as `present.0.key`. @default none
 * @throws {ConfigError} for an encoder, and for a model that has neither logits nor hidden states with embeddings that
 * are tied to its head.
 */
export function withNextTokenLogits(
  model: Model,
  config: Config,
  causal: boolean,
  keeps: (output: string) => boolean = () => false,
): Model {
  if (!causal)
    throw new ConfigError({
      where: `model_type "${config.model_type}"`,
      what: 'not a language model: its tokens see the whole text, also what follows them',
      expected: 'a decoder such as gpt2, llama, qwen2',
      found: [config.architectures].flat().join(', ') || config.model_type,
    })
  const graph = cloneGraph(model.graph)
  const logits = logitsOf(graph, config)
  if (logits === undefined) addTiedHead(graph, config)
  else if (logits !== 'logits') rename(graph, logits)
  graph.outputs = ['logits', ...graph.outputs.filter((name) => name !== 'logits' && keeps(name))]
  prune(graph)
  return { graph, trainable: new Set(model.trainable) }
}

/** Name of the output [batch, sequence, vocab_size]; of several, the one called `logits`. */
function logitsOf(graph: Graph, { vocab_size }: Config): string | undefined {
  const sizes = [vocab_size, vocabularySize(graph)]
  const candidates = graph.outputs.filter((name) => {
    const { shape, dtype } = getValue(graph, name)
    return shape.length === 3 && shape[1] !== 1 && sizes.includes(shape[2]) && dtype.startsWith('float')
  })
  return candidates.find((name) => name === 'logits') ?? candidates[0]
}

/** Renames an output to `logits`, and a value that already has that name to another. */
function rename(graph: Graph, name: string): void {
  freeName(graph)
  renameValues(graph, new Map([[name, 'logits']]))
}

function freeName(graph: Graph): void {
  if (graph.values.has('logits')) renameValues(graph, new Map([['logits', uniqueName(graph, 'logits.other')]]))
}

/** Adds transformers' tied `lm_head`: logits = hidden states times the transposed token embeddings. */
function addTiedHead(graph: Graph, config: Config): void {
  const states = hiddenStates(graph)
  if (!states || !isHidden(states)) throw noLogits(graph, config, 'and no hidden states')
  if (!tiesEmbeddings(config)) throw noLogits(graph, config, 'and its lm_head has a matrix of its own')
  const scale = Object.entries(logitScales).find(([name, none]) => config[name] != null && config[name] !== none)
  if (scale) throw noLogits(graph, config, `which "${scale[0]}" of config.json changes`)
  const width = states.shape[2] as number
  const rows = vocabularySize(graph)
  const table = embeddingLayers(graph).find(
    ({ num_embeddings, embedding_dim }) => num_embeddings === rows && embedding_dim === width,
  )
  if (!table) throw noLogits(graph, config, `and no token embeddings [vocab_size, ${width}] to read them by`)
  freeName(graph)
  const g = build(graph)
  const attributes = { transB: 1 }
  const flat = g.Reshape(states, g.int64([-1, width]))
  const [product] = g.node('Gemm', [flat, getValue(graph, table.weight)], { name: 'lm_head', attributes }) as [Value]
  const shape = g.Concat(g.Shape(states, { start: 0, end: 2 }), g.int64([rows]), { axis: 0 })
  g.node('Reshape', [product, shape], { outputs: ['logits'] })
}

const noLogits = (graph: Graph, { vocab_size = 'vocab_size' }: Config, why: string): ConfigError =>
  new ConfigError({
    where: `graph "${graph.name}"`,
    what: `no logits of the next token, ${why}`,
    expected: `an output "logits" [batch, sequence, ${String(vocab_size)}]`,
    found: graph.outputs.map((name) => formatValue(getValue(graph, name))).join('; '),
    fix: graph.outputs.some((name) => isOfLastToken(getValue(graph, name), vocab_size))
      ? 'Its logits are those of the last token only: build the file without prune_lm_head.'
      : 'Export the model with its lm_head: optimum-cli export onnx --task text-generation.',
  })

const isOfLastToken = ({ shape }: Value, vocab_size: unknown): boolean =>
  shape.length === 3 && shape[1] === 1 && shape[2] === vocab_size
