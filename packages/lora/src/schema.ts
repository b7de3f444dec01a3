// Validation of JSON from outside: the only importer of valibot.

import { closestQuoted, expectedOf } from '@cola/graph/options'
import * as v from 'valibot'
import { ConfigError } from './errors.ts'

const positive = v.pipe(v.number(), v.integer(), v.minValue(1))
const probability = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const names = v.array(v.string())
const nullable = <Schema extends v.GenericSchema>(schema: Schema) => v.optional(v.nullable(schema))

/** What of a GPT-2 config.json decides the graph; other keys are kept aside. */
export const gpt2Schema = v.looseObject({
  model_type: v.literal('gpt2'),
  n_layer: positive,
  n_head: positive,
  n_embd: positive,
  n_positions: positive,
  vocab_size: positive,
  n_inner: nullable(positive),
  activation_function: v.optional(v.string(), 'gelu_new'),
  layer_norm_epsilon: v.optional(v.number(), 1e-5),
  initializer_range: v.optional(v.number(), 0.02),
  embd_pdrop: v.optional(probability, 0.1),
  attn_pdrop: v.optional(probability, 0.1),
  resid_pdrop: v.optional(probability, 0.1),
  scale_attn_weights: v.optional(v.boolean(), true),
  scale_attn_by_inverse_layer_idx: v.optional(v.boolean(), false),
  add_cross_attention: v.optional(v.boolean(), false),
  num_labels: v.optional(positive),
  id2label: nullable(v.record(v.string(), v.string())),
  pad_token_id: nullable(v.number()),
  eos_token_id: nullable(v.union([v.number(), v.array(v.number())])),
})

/** Fields of PEFT's configurations, with their defaults; null and a missing field are the same to PEFT. */
export const field = {
  boolean: (fallback: boolean) => v.optional(v.boolean(), fallback),
  number: (fallback: number) => v.optional(v.pipe(v.number(), v.finite()), fallback),
  whole: (fallback: number) => v.optional(v.pipe(v.number(), v.integer(), v.minValue(0)), fallback),
  positive: (fallback: number) => v.optional(positive, fallback),
  probability: (fallback: number) => v.optional(probability, fallback),
  oneOf: <const Name extends string>(options: readonly Name[], fallback: NoInfer<Name>) =>
    v.optional(v.picklist(options), fallback),
  booleanOrText: (fallback: boolean) => v.optional(v.union([v.boolean(), v.string()]), fallback),
  flag: v.optional(v.boolean()),
  text: nullable(v.string()),
  names: nullable(names),
  /** Names, or a pattern. */
  modules: nullable(v.union([names, v.string()])),
  layers: nullable(v.union([v.array(v.number()), v.number()])),
  /** Rows of an embedding, or of several by name. */
  rows: nullable(v.union([v.array(v.number()), v.record(v.string(), v.array(v.number()))])),
  numbersByPattern: v.optional(v.record(v.string(), v.number()), {}),
  positivesByPattern: v.optional(v.record(v.string(), positive), {}),
}

/** PEFT's TaskType, which it checks too. */
const taskTypes = ['SEQ_CLS', 'SEQ_2_SEQ_LM', 'CAUSAL_LM', 'TOKEN_CLS', 'QUESTION_ANS', 'FEATURE_EXTRACTION'] as const

/** A method's configuration as adapter_config.json has it; keys of newer versions are kept aside. */
export const adapterSchema = <const Type extends string, Fields extends v.ObjectEntries>(
  peft_type: Type,
  fields: Fields,
) =>
  v.looseObject({
    peft_type: v.optional(v.literal(peft_type), peft_type),
    task_type: nullable(v.picklist(taskTypes)),
    base_model_name_or_path: field.text,
    target_modules: field.modules,
    modules_to_save: field.names,
    fan_in_fan_out: field.boolean(false),
    ...fields,
  })

/** Any schema whose values are of a type. */
export interface Schema<Value> extends v.GenericSchema<unknown, Value> {
  /** Its fields. */
  readonly entries: Readonly<Record<string, unknown>>
}

/** A type's fields by name, to give or not, without those of any name that a file may have beside them. */
export type Fields<T> = { [Name in keyof T as string extends Name ? never : Name]?: T[Name] | undefined }

export type Output<S extends v.GenericSchema> = v.InferOutput<S>

/** transformers' names of the activations that heads have. */
export const activations = ['gelu', 'gelu_new', 'gelu_pytorch_tanh', 'relu', 'silu', 'tanh'] as const

/** Layers of a head: those before the pooling come first. */
const layersSchema = v.array(
  v.object({
    module: v.string(),
    bias: v.optional(v.boolean()),
    activation: v.picklist(activations),
    norm: v.optional(v.object({ module: v.string(), epsilon: v.number(), bias: v.optional(v.boolean()) })),
    before_pooling: v.optional(v.boolean()),
  }),
)

/** Whether a value is the layers of a head, in an order in which they are computed. */
export const areLayers = (value: unknown): boolean =>
  v.is(layersSchema, value) &&
  value.every(({ before_pooling }, i) => !before_pooling || i === 0 || value[i - 1]?.before_pooling)

/** What lies beside an adapter and says what its head is. */
export const headSchema = v.object({
  head: v.string(),
  num_labels: positive,
  pooling: v.picklist(['last', 'first', 'mean', 'none']),
  layers: v.optional(layersSchema),
  id2label: v.optional(v.record(v.string(), v.string())),
})

/** sentence-transformers' 1_Pooling/config.json: a name, or flags in older files. */
export const poolingSchema = v.looseObject({
  pooling_mode: v.optional(v.union([v.string(), names])),
  pooling_mode_cls_token: v.optional(v.boolean(), false),
  pooling_mode_max_tokens: v.optional(v.boolean(), false),
  pooling_mode_mean_tokens: v.optional(v.boolean(), false),
  pooling_mode_mean_sqrt_len_tokens: v.optional(v.boolean(), false),
  pooling_mode_weightedmean_tokens: v.optional(v.boolean(), false),
  pooling_mode_lasttoken: v.optional(v.boolean(), false),
})

/** model.safetensors.index.json: the file of each tensor. */
export const indexSchema = v.looseObject({ weight_map: v.record(v.string(), v.string()) })

/** Bits and sizes of blocks of a quantized base that the runtime has kernels for. */
export const quantizationBits = [4, 8] as const
export const quantizationBlocks = [16, 32, 64, 128, 256] as const
export const quantizationDefaults = {
  bits: 4,
  block_size: 32,
  modules_to_not_convert: ['lm_head'] as string[],
} as const

/** What is saved beside the adapter of a fine-tuned model. */
export const fineTunedSchema = v.object({
  version: v.literal(1),
  task_type: v.string(),
  settings: v.looseObject({}),
  /** Null: no limit. */
  max_length: v.nullable(positive),
  base: v.object({
    name: v.string(),
    file: v.optional(v.string()),
    revision: v.optional(v.string()),
    path: v.optional(v.string()),
    chat_template: v.optional(v.string()),
    add_bos_token: v.optional(v.boolean()),
    bos_token: v.optional(v.string()),
    quantization: v.optional(
      v.strictObject({
        bits: v.optional(v.picklist(quantizationBits)),
        block_size: v.optional(v.picklist(quantizationBlocks)),
        modules_to_not_convert: v.optional(v.array(v.string())),
      }),
    ),
  }),
  metrics: v.record(v.string(), v.nullable(v.number())),
  /** Of the tokens that the tokenizer puts before each text. */
  start_token_ids: v.optional(v.array(v.number())),
})

/** What of that an adapter alone needs. */
export const startSchema = v.looseObject({ start_token_ids: v.optional(v.array(v.number())) })

export type FineTunedJson = v.InferOutput<typeof fineTunedSchema>
export type Gpt2ConfigJson = v.InferOutput<typeof gpt2Schema>

/** Checks a value against a schema. @throws {ConfigError} naming the file and the field. */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  value: unknown,
  where: string,
): v.InferOutput<Schema> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const [issue] = result.issues
  const { input, received } = issue
  const expected = expectedOf(issue)
  throw new ConfigError({
    where: `${where}, field "${v.getDotPath(issue) ?? ''}"`,
    what: 'not a valid value',
    expected,
    found: received,
    fix: closestQuoted(input, expected),
  })
}
