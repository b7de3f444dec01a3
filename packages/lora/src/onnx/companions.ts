// Files beside a model, and where they lie.

import { chatTemplateFile, type Files, placeOf } from '@cola/data'

/** sentence-transformers' file with the pooling of token embeddings. */
export const poolingFile = '1_Pooling/config.json'

/** Optional files beside a model that configure its use. */
export const companionFiles = ['tokenizer_config.json', chatTemplateFile, 'generation_config.json', poolingFile].map(
  (path) => ({ path, optional: true }),
)

/** The folder of a model's files. */
export const folderOf = (files: Files): string => placeOf(files, 'config.json').slice(0, -'/config.json'.length)
