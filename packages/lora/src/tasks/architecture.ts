// transformers' class of a model with a task's head.

/** Words that end the names of transformers' classes: BertModel, LlamaForCausalLM. */
const ending = /(Model|For[A-Z]\w*|LMHeadModel)$/

/** `architectures` of a configuration with another head, from those it has; nothing where it has none. */
export function architecture(config: Readonly<Record<string, unknown>>, head: string): { architectures?: string[] } {
  const [own] = Array.isArray(config.architectures) ? (config.architectures as unknown[]) : []
  return typeof own === 'string' ? { architectures: [own.replace(ending, '') + head] } : {}
}
