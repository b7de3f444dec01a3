// The student's configuration: the only importer of valibot here.

import { ConfigError } from '@cola/train'
import * as v from 'valibot'

const positive = v.pipe(v.number(), v.integer(), v.minValue(1))
const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

const schema = v.looseObject({
  model_type: v.optional(v.literal('distil-rnn'), 'distil-rnn'),
  vocab_size: positive,
  embedding_size: v.optional(positive, 768),
  hidden_size: v.optional(positive, 768),
  num_layers: v.optional(positive, 2),
  num_labels: v.optional(positive, 2),
  cell: v.optional(v.picklist(['rnn', 'gru', 'lstm']), 'rnn'),
  bidirectional: v.optional(v.boolean(), false),
  pooling: v.optional(v.picklist(['last', 'mean', 'max']), 'last'),
  dropout: v.optional(probability, 0),
  embedding_dropout: v.optional(probability, 0),
  head_dropout: v.optional(probability, 0),
  id2label: v.optional(v.nullable(v.record(v.string(), v.string()))),
})

/**
 * The student of the report by default: embedding 768, two-layer tanh RNN 768, ReLU, linear to two classes.
 * `dropout` is torch.nn.RNN's, between layers; `embedding_dropout` follows the embedding, `head_dropout` comes before
 * the last layer. `pooling` reads the last real token (with `bidirectional`, the last state of each direction), or the
 * mean or maximum over real tokens.
 */
export type DistilRnnConfig = v.InferOutput<typeof schema>

/** Fills in defaults. @throws {ConfigError} naming the file and the field. */
export function parseDistilRnnConfig(
  config: v.InferInput<typeof schema> | unknown,
  where = 'DistilRnnConfig',
): DistilRnnConfig {
  const result = v.safeParse(schema, config)
  if (!result.success) {
    const [issue] = result.issues
    const field = v.getDotPath(issue) ?? ''
    throw new ConfigError({
      where: `${where}, field "${field}"`,
      what: 'not a valid value',
      expected: issue.expected ?? issue.message,
      found: issue.received,
    })
  }
  const labels = result.output.id2label && Object.keys(result.output.id2label).length
  if (labels && labels !== result.output.num_labels)
    throw new ConfigError({
      where: `${where}, field "num_labels"`,
      what: 'contradicts id2label',
      expected: String(labels),
      found: String(result.output.num_labels),
    })
  return result.output
}

/** Directions of the recurrence. */
export const directions = ({ bidirectional }: DistilRnnConfig): number => (bidirectional ? 2 : 1)
