// Path of the base model in transformers' models with heads, by model_type.

import { decoderTypes } from './decoders.ts'

const byPrefix: Readonly<Record<string, readonly string[]>> = {
  albert: ['albert'],
  backbone: ['falcon_mamba', 'mamba', 'mamba2'],
  bert: ['bert', 'bert-generation', 'big_bird', 'megatron-bert'],
  biogpt: ['biogpt'],
  canine: ['canine'],
  convbert: ['convbert'],
  data2vec_text: ['data2vec-text'],
  deberta: ['deberta', 'deberta-v2'],
  distilbert: ['distilbert'],
  electra: ['electra'],
  ernie: ['ernie'],
  esm: ['esm'],
  esmc: ['esmc'],
  fnet: ['fnet'],
  funnel: ['funnel'],
  gpt_neox: ['gpt_neox'],
  gte: ['gte'],
  ibert: ['ibert'],
  layoutlm: ['layoutlm'],
  longformer: ['longformer'],
  luke: ['luke'],
  mobilebert: ['mobilebert'],
  'model.decoder': ['opt'],
  mpnet: ['mpnet'],
  nomic_bert: ['nomic_bert'],
  nystromformer: ['nystromformer'],
  rembert: ['rembert'],
  roberta: ['camembert', 'jina_embeddings_v3', 'roberta', 'xlm-roberta', 'xlm-roberta-xl', 'xmod'],
  roberta_prelayernorm: ['roberta-prelayernorm'],
  roc_bert: ['roc_bert'],
  roformer: ['roformer'],
  rwkv: ['rwkv'],
  transformer: [
    ...[
      'bloom',
      'codegen',
      'ctrl',
      'dbrx',
      'falcon',
      'flaubert',
      'gpt-sw3',
      'gpt2',
      'gpt_bigcode',
      'gpt_neo',
      'gptj',
      'mpt',
      'openai-gpt',
    ],
    ...['squeezebert', 'xlm', 'xlnet'],
  ],
}

const prefixes = new Map(
  Object.entries(byPrefix).flatMap(([prefix, types]) => types.map((type) => [type, prefix] as const)),
)

/**
 * Path of the module that contains the token embeddings and the layers; `model` for unlisted types, as in Llama and the
 * many decoders like it.
 */
export const baseModelPath = (model_type: string): string => prefixes.get(model_type) ?? 'model'

/** transformers' base_model_prefix. */
export const baseModelPrefix = (model_type: string): string => baseModelPath(model_type).split('.')[0] as string

/** Encoders whose base model is called `model`, as that of the decoders is which have no row above. */
const encoders = ['eurobert', 'modernbert']

/** Types of classes that have other names. */
const otherwise: Readonly<Record<string, string>> = { gemma3: 'gemma3_text', hunyuandensev1: 'hunyuan_v1_dense' }

/**
 * model_type of a class name such as BertForSequenceClassification, or of the type that onnxruntime-genai's builder
 * writes; undefined for an unknown one.
 */
export function modelTypeOf(architecture: string): string | undefined {
  const normalize = (name: string) => name.replace(/[-_]/g, '').toLowerCase()
  const wanted = normalize(architecture.replace(/(For[A-Z]|Model|LMHead|DoubleHeads|PreTraining).*$/, ''))
  return (
    otherwise[wanted] ?? [...prefixes.keys(), ...encoders, ...decoderTypes].find((type) => normalize(type) === wanted)
  )
}
