// A chat template that is given with a model, as if it lay beside it. Loaded where there is one.

import { chatTemplateFile, type Files } from '@cola/data'

/** Files with a chat template in place of what they have. */
export function withChatTemplate(files: Files, template: string): Files {
  const bytes = new TextEncoder().encode(template)
  return {
    ...files,
    names: () => [...new Set([...files.names(), chatTemplateFile])].sort(),
    has: (name) => name === chatTemplateFile || files.has(name),
    size: (name) => (name === chatTemplateFile ? bytes.length : files.size(name)),
    read: (name, begin, end) => (name === chatTemplateFile ? bytes.subarray(begin, end) : files.read(name, begin, end)),
  }
}
