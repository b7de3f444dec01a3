// What stands behind the arguments of a method, where it is an option in other libraries or here. Loaded for such a call.

import { checkOptions, object, show } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'

const ofOpening = 'It is an option of what opens the model.'
const ofExport = 'It is an option of export(folder, options).'
const ofTraining = 'It is an option of fineTune, which the model keeps.'
const all = 'probabilities has that of each class, in the order of labels.'

/** What to do about options of pipelines, by name. */
const ofPipelines: Readonly<Record<string, string>> = {
  top_k: all,
  topk: all,
  return_all_scores: all,
  function_to_apply: 'logits gives the numbers before it.',
  aggregation_strategy: 'Words make entities already, by the tag of their first piece.',
  pooling: ofTraining,
  normalize: 'Embeddings have length 1.',
  batch_size: ofOpening,
  device: ofOpening,
  max_length: ofOpening,
  compute_metrics: 'It is an option of distill and of loadDistilled.',
  truncation: 'Longer texts are cut, which onWarning is told.',
  padding: 'Texts of a batch are padded as they need it.',
  dtype: ofExport,
  layout: ofExport,
  merge: ofExport,
}

/** What methods read, and what to do about a second text. */
const pairs = {
  pairs: 'Pairs are objects: [{ text, text_pair }].',
  texts: 'It reads single texts.',
} as const

/** What methods read. */
export type Reads = keyof typeof pairs

/** @throws {ConfigError} for what JavaScript would ignore. */
export function refuseFurther(method: string, next: unknown, reads: Reads): void {
  const text_pair = pairs[reads]
  if (!object[1](next))
    throw new ConfigError({
      where: `${method}, a further argument`,
      what: 'it takes none',
      found: show(next),
      fix: text_pair,
    })
  checkOptions(method, next as object, {}, false, { ...ofPipelines, text_pair })
}
