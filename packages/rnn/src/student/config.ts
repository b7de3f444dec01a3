// The student's configuration: the only importer of valibot here.

import {
  checkValue,
  closestName,
  closestQuoted,
  defined,
  expectedOf,
  isPromise,
  object,
  show,
} from '@cola/graph/options'
import { ConfigError } from '@cola/train'
import * as v from 'valibot'

const positive = v.pipe(v.number(), v.integer(), v.minValue(1))
const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

const choices = {
  embedding_size: v.optional(positive, 256),
  hidden_size: v.optional(positive, 256),
  num_layers: v.optional(positive, 1),
  cell: v.optional(v.picklist(['rnn', 'gru', 'lstm']), 'lstm'),
  bidirectional: v.optional(v.boolean(), true),
  pooling: v.optional(v.picklist(['last', 'mean', 'max']), 'max'),
  dropout: v.optional(probability, 0),
  embedding_dropout: v.optional(probability, 0),
  head_dropout: v.optional(probability, 0),
}

const fields = {
  model_type: v.optional(v.literal('distil-rnn'), 'distil-rnn'),
  vocab_size: positive,
  num_labels: v.optional(positive, 2),
  ...choices,
  id2label: v.optional(v.nullable(v.record(v.string(), v.string()))),
}

/** A file's fields: transformers, and newer versions of this library, may have written others beside them. */
const schema = v.looseObject(fields)
const written = v.strictObject(fields)

const chosen = v.strictObject(choices)

/** What one chooses of a student: all but its vocabulary and its classes. */
export type StudentConfig = v.InferInput<typeof chosen>

/**
 * An embedding, a recurrence, ReLU, pooling and a linear layer. By default a bidirectional LSTM of one layer, read by
 * its maximum over tokens (Conneau et al. 2017, InferSent), of 256 numbers each way, for two classes.
 * `dropout` is torch.nn.RNN's, between layers; `embedding_dropout` follows the embedding, `head_dropout` comes before
 * the last layer. `pooling` reads the last real token (with `bidirectional`, the last state of each direction), or the
 * mean or maximum over real tokens.
 */
export type DistilRnnConfig = v.InferOutput<typeof schema>

/**
 * Fills in defaults. The contents of a file, which have a `model_type`, may have fields of other programs.
 * @throws {ConfigError} naming the file and the field: one that is not what it should be or, without a `model_type`, one
 * that is unknown.
 */
export function parseDistilRnnConfig(
  config: v.InferInput<typeof schema> | unknown,
  where = 'DistilRnnConfig',
): DistilRnnConfig {
  const isFile = typeof config === 'object' && config !== null && 'model_type' in config
  const parsed: DistilRnnConfig = parse(isFile ? schema : written, withLabelCount(config), where)
  const labels = parsed.id2label && Object.keys(parsed.id2label).length
  if (labels && labels !== parsed.num_labels)
    throw new ConfigError({
      where: `${where}, field "num_labels"`,
      what: 'contradicts id2label',
      expected: String(labels),
      found: String(parsed.num_labels),
    })
  return parsed
}

/** Files of transformers, and of exports, have the names of the classes, and no number of them. */
function withLabelCount(config: unknown): unknown {
  const { num_labels, id2label } = Object(config) as { num_labels?: unknown; id2label?: unknown }
  return num_labels == null && id2label ? { ...Object(config), num_labels: Object.keys(id2label).length } : config
}

/**
 * Fills in defaults.
 * @throws {ConfigError} naming the field that is unknown or not what it should be, or a `dropout` without layers between
 * which it could be.
 */
export function parseStudentConfig(config: StudentConfig, where = 'StudentConfig'): v.InferOutput<typeof chosen> {
  const parsed = parse(chosen, config, where)
  if (parsed.num_layers > 1 || parsed.dropout === 0) return parsed
  throw new ConfigError({
    where: `${where}, field "dropout"`,
    what: 'there is one layer, and it is for what is between layers',
    expected: 'num_layers above 1',
    found: '1',
    fix: 'Give embedding_dropout, before the layer, or head_dropout after it.',
  })
}

function parse<Schema extends v.GenericSchema & { readonly entries: object }>(
  schema: Schema,
  config: unknown,
  where: string,
): v.InferOutput<Schema> {
  checkValue(where, config, object)
  const result = v.safeParse(schema, defined(config as object))
  if (result.success) return result.output
  const [issue] = result.issues
  const unknown = issue.type === 'strict_object' && issue.expected === 'never'
  const known = Object.keys(schema.entries)
  const { input, received } = issue
  const expected = expectedOf(issue)
  const meant = unknown ? closestName(v.getDotPath(issue) ?? '', known) : undefined
  throw new ConfigError({
    where: `${where}, field "${v.getDotPath(issue) ?? ''}"`,
    what: unknown ? 'no such field' : 'not a valid value',
    expected: unknown ? known.join(', ') : expected,
    found: isPromise(input) ? show(input) : received,
    fix: meant === undefined ? closestQuoted(input, expected) : `Did you mean ${meant}?`,
  })
}

/** Directions of the recurrence. */
export const directions = ({ bidirectional }: DistilRnnConfig): number => (bidirectional ? 2 : 1)
