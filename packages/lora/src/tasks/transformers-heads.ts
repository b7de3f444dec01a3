// The heads of transformers' classes for encoders, by model type: what lies between the last hidden states and the
// logits. transformers 5.24, *ForSequenceClassification and *ForTokenClassification. Loaded where such a head is asked for.

import { requireKind } from '@cola/graph/door'
import { checkValue, oneOf } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import type { Activation, HeadLayer, Pooling } from '../inject/head.ts'
import type { BaseModel } from '../load/base-model.ts'
import { baseModelPath } from '../onnx/prefixes.ts'
import { activations } from '../schema.ts'
import type { LayeredHead } from './head-option.ts'

type Config = Readonly<Record<string, unknown>> & { model_type: string }

interface Row {
  readonly types: readonly string[]
  /** The module that computes the logits. */
  readonly name: string
  readonly layers: (config: Config) => readonly HeadLayer[]
  /** @default that of the first token */
  readonly pooling?: (config: Config) => Pooling
}

/** An activation that a field of config.json names. */
function activationIn(config: Config, field: string, fallback: Activation): Activation {
  const name = config[field] ?? fallback
  const known = activations.find((activation) => activation === name)
  if (known) return known
  throw new ConfigError({
    where: `config.json, field "${field}"`,
    what: 'an activation that heads are not computed with',
    expected: activations.join(', '),
    found: String(name),
  })
}

/** EuroBERT's `classifier_pooling`. */
function pooledAs({ classifier_pooling: pooling = 'late' }: Config): unknown {
  const known = ['bos', 'late', 'mean']
  if (known.some((one) => one === pooling)) return pooling
  throw new ConfigError({
    where: 'config.json, field "classifier_pooling"',
    what: "not a pooling of transformers' class",
    expected: known.join(', '),
    found: String(pooling),
  })
}

const inModule = (config: Config, module: string): string => `${baseModelPath(config.model_type)}.${module}`

/** The pooler of the base model: the first token through a linear layer and tanh. */
const pooler =
  (module: string) =>
  (config: Config): HeadLayer[] =>
    config.classifier_activation === false ? [] : [{ module: inModule(config, module), activation: 'tanh' }]

const classifier = { name: 'classifier.out_proj' }
const dense = (activation: Activation): HeadLayer[] => [{ module: 'classifier.dense', activation }]

/** ModernBERT's prediction head, which its masked language model has too. */
const predictionHead = (config: Config): HeadLayer[] => [
  {
    module: 'head.dense',
    bias: config.classifier_bias === true,
    activation: activationIn(config, 'classifier_activation', 'gelu'),
    norm: {
      module: 'head.norm',
      epsilon: typeof config.norm_eps === 'number' ? config.norm_eps : 1e-5,
      bias: config.norm_bias === true,
    },
  },
]

const sequence: readonly Row[] = [
  {
    types: [
      ...['camembert', 'data2vec-text', 'esm', 'esmc', 'ibert', 'jina_embeddings_v3', 'mpnet', 'roberta'],
      ...['roberta-prelayernorm', 'xlm-roberta', 'xlm-roberta-xl', 'xmod'],
    ],
    ...classifier,
    layers: () => dense('tanh'),
  },
  { types: ['electra'], ...classifier, layers: () => dense('gelu') },
  {
    types: ['convbert', 'mra', 'roformer', 'yoso'],
    ...classifier,
    layers: (config) => dense(activationIn(config, 'hidden_act', 'gelu')),
  },
  {
    types: ['big_bird', 'nystromformer'],
    ...classifier,
    layers: (config) => dense(activationIn(config, 'hidden_act', 'gelu_new')),
  },
  { types: ['distilbert'], name: 'classifier', layers: () => [{ module: 'pre_classifier', activation: 'relu' }] },
  {
    types: [
      ...['bert', 'ernie', 'fnet', 'gte', 'layoutlm', 'luke', 'megatron-bert', 'mobilebert', 'nomic_bert'],
      ...['rembert', 'roc_bert', 'squeezebert'],
    ],
    name: 'classifier',
    layers: pooler('pooler.dense'),
  },
  { types: ['albert'], name: 'classifier', layers: pooler('pooler') },
  {
    types: ['deberta', 'deberta-v2'],
    name: 'classifier',
    layers: (config) => [{ module: 'pooler.dense', activation: activationIn(config, 'pooler_hidden_act', 'gelu') }],
  },
  {
    types: ['modernbert'],
    name: 'classifier',
    layers: predictionHead,
    pooling: ({ classifier_pooling }) => (classifier_pooling === 'mean' ? 'mean' : 'first'),
  },
  {
    types: ['eurobert'],
    name: 'classifier',
    // `late` is the mean of the tokens' logits, which are linear in what is pooled.
    layers: (config) => [
      { module: 'dense', activation: 'gelu', ...(pooledAs(config) === 'late' ? { before_pooling: true } : {}) },
    ],
    pooling: (config) => (pooledAs(config) === 'bos' ? 'first' : 'mean'),
  },
]

/** Those with more than a linear layer: dropout, which most have too, is nothing once a model is trained. */
const token: readonly Row[] = [{ types: ['modernbert'], name: 'classifier', layers: predictionHead }]

const tables = { SEQ_CLS: sequence, TOKEN_CLS: token } as const

/** Tasks that a head of transformers' is for. */
export type HeadTask = keyof typeof tables

/**
 * The head of transformers' class for a model type, for {@link withHead}; its parameters have the names that PEFT saves.
 * @param config config.json of the base model.
 * @returns Undefined for a type whose class has no other head than a linear layer, or is not known.
 * @throws {ConfigError} for an activation that is not known.
 */
export function transformersHead(config: Config, task: HeadTask = 'SEQ_CLS'): LayeredHead | undefined {
  requireKind('transformersHead, config', config, 'object')
  checkValue('transformersHead, task', task, oneOf(Object.keys(tables)))
  const row = tables[task].find(({ types }) => types.includes(config.model_type))
  if (!row) return undefined
  const { name, layers, pooling = () => 'first' as const } = row
  return { name, bias: true, layers: layers(config), pooling: task === 'TOKEN_CLS' ? 'none' : pooling(config) }
}

/** {@link transformersHead} of a base model. @throws {ConfigError} for a type without one. */
export function headOf({ config }: BaseModel, task: HeadTask): LayeredHead {
  const head = transformersHead(config, task)
  if (head) return head
  throw new ConfigError({
    where: 'option head',
    what: `transformers' class for this task and model type has a linear layer alone, or is not known`,
    expected: tables[task].flatMap(({ types }) => types).join(', '),
    found: config.model_type,
    fix: 'Leave out head.',
  })
}
