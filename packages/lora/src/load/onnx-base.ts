// An ONNX model as a base model.

import { firstPosition, longestInput, padTokenId } from '@cola/data'
import { cloneGraph, formatValue, type Graph, getValue, type Model, prune } from '@cola/graph'
import { type Batch, paddedBatches, vocabularySize } from '@cola/train'
import { ConfigError } from '../errors.ts'
import { withTensorsOf } from '../inject/adapted-model.ts'
import { keepStartTokens } from '../inject/start-tokens.ts'
import { checkVocabulary } from '../onnx/check-vocabulary.ts'
import { isCausal } from '../onnx/decoders.ts'
import { hiddenStates, isHidden } from '../onnx/hidden.ts'
import { withMaskedInputs } from '../onnx/masked-inputs.ts'
import type { OnnxModel } from '../onnx/open.ts'
import { packedBatches, packedGraph } from './packed-rows.ts'
import { readCachedModel } from '../onnx/read.ts'
import type { BaseModel } from './base-model.ts'
import { withNextTokenLogits } from './language-model.ts'

export { openOnnxModel } from '../onnx/open.ts'

export function onnxBase(opened: OnnxModel): BaseModel {
  const { model, config, tokenizer, files, folder, file, positions = Number.POSITIVE_INFINITY, origin = {} } = opened
  const name = files.where
  const vocab_size = vocabularySize(model.graph)
  const padding = {
    pad_token_id: padTokenId(config, tokenizer, vocab_size),
    firstPosition: firstPosition(config),
  }
  const causal = isCausal(config)
  const textOnly = ({ graph, ...rest }: Model): Model => {
    requireTextInputs(graph, paddedBatches(graph, padding)([[0]]))
    return { ...rest, graph }
  }
  const languageModel = (): Model => {
    checkVocabulary(vocab_size, tokenizer, name)
    return textOnly(withNextTokenLogits(model, config, causal))
  }
  const max_length = Math.min(longestInput(config, tokenizer), positions)
  return {
    name,
    origin,
    files,
    folder,
    config,
    tokenizer,
    causal,
    max_length,
    vocab_size,
    parameters: model.graph.initializers,
    hiddenStates: () => {
      checkVocabulary(vocab_size, tokenizer, name)
      return textOnly(withHiddenStates(model))
    },
    languageModel,
    packedLanguageModel: () => {
      const plain = languageModel()
      return { ...plain, graph: packedGraph(plain.graph, config) ?? plain.graph }
    },
    cachedLanguageModel: () => {
      checkVocabulary(vocab_size, tokenizer, name)
      const cached = readCachedModel(files, file, config)
      if (!cached) return undefined
      keepStartTokens(cached.graph, tokenizer)
      // The matrices of the open model may be quantized.
      return { ...cached, ...withTensorsOf(withNextTokenLogits(cached, config, causal, isPresent), model) }
    },
    batches: (graph) => {
      if (graph.inputs.includes('segment_ids'))
        return packedBatches(graph, { ...padding, longest: longestRow(config, max_length) })
      const collate = paddedBatches(graph, padding)
      return (rows) => {
        const batch = collate(rows)
        // The input of token ids has any name; every input with two axes is [rows, columns].
        const grid = Object.values(batch).find(({ dims }) => dims.length === 2)?.dims ?? [rows.length, 0]
        return { batch, grid, starts: rows.map((_, row) => row * (grid[1] as number)) }
      }
    },
    padded: async (model) => withMaskedInputs(model),
  }
}

/** Rows of several texts stay within the positions for which a model that scales its positions was trained at first. */
const longestRow = ({ original_max_position_embeddings: first, rope_scaling }: OnnxModel['config'], most: number) =>
  Math.min(
    most,
    ...[
      first,
      (rope_scaling as { original_max_position_embeddings?: unknown } | null)?.original_max_position_embeddings,
    ].filter((length): length is number => typeof length === 'number'),
  )

const isPresent = (output: string): boolean => output.startsWith('present')

/** What to do about inputs of other kinds of models. */
const reasons: readonly { inputs: RegExp; fix: string }[] = [
  {
    inputs: /^inputs_embeds$/,
    fix:
      'The file begins after the token embeddings, which are in a file of their own (embed_tokens.onnx, or ' +
      'exclude_embeds of the model builder). Export the decoder with input_ids.',
  },
  {
    inputs: /^(encoder_|decoder_)/,
    fix: 'The file is the decoder of an encoder-decoder model. Take a model with a decoder or an encoder alone.',
  },
  { inputs: /^(pixel_values|input_features|input_values)/, fix: 'The model reads images or sound. Take one for text.' },
]

/** @throws {ConfigError} for a graph with inputs that a batch of texts lacks. */
function requireTextInputs(graph: Graph, batch: Batch): void {
  const others = graph.inputs.filter((name) => !Object.hasOwn(batch, name))
  if (others.length === 0) return
  const reason = reasons.find(({ inputs }) => others.some((name) => inputs.test(name)))
  throw new ConfigError({
    where: `graph "${graph.name}"`,
    what: 'it takes inputs that a text does not give',
    expected: 'input_ids, attention_mask, token_type_ids, position_ids',
    found: others.slice(0, 6).join(', '),
    fix: reason?.fix ?? 'Export the model without a cache of keys and values.',
  })
}

/** The model up to its hidden states, without heads. */
function withHiddenStates({ graph: original, trainable }: Model): Model {
  const states = hiddenStates(original)
  if (!states || !isHidden(states))
    throw new ConfigError({
      where: `graph "${original.name}"`,
      what: 'no hidden states',
      expected: 'an output "last_hidden_state" [batch, sequence, width]',
      found: original.outputs.map((name) => formatValue(getValue(original, name))).join('; '),
      fix: 'Export the model with its hidden states.',
    })
  const graph = { ...cloneGraph(original), outputs: [states.name] }
  prune(graph)
  return { graph, trainable }
}
