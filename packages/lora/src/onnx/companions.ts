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

/** Files with a chat template in place of what they have. */
export function withChatTemplate(files: Files, template: string | undefined): Files {
  if (template === undefined) return files
  const bytes = new TextEncoder().encode(template)
  return {
    ...files,
    names: () => [...new Set([...files.names(), chatTemplateFile])].sort(),
    has: (name) => name === chatTemplateFile || files.has(name),
    size: (name) => (name === chatTemplateFile ? bytes.length : files.size(name)),
    read: (name, begin, end) => (name === chatTemplateFile ? bytes.subarray(begin, end) : files.read(name, begin, end)),
  }
}
