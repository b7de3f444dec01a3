// Fields of config.json for a model with a task's head: transformers' class, and the names of the classes.

/** Endings of transformers' class names: BertModel, LlamaForCausalLM. */
const ending = /(Model|For[A-Z]\w*|LMHeadModel)$/

/** `architectures` of a configuration with another head, from those it has; nothing where it has none. */
export function architecture(config: Readonly<Record<string, unknown>>, head: string): { architectures?: string[] } {
  const [architecture] = Array.isArray(config.architectures) ? (config.architectures as unknown[]) : []
  return typeof architecture === 'string' ? { architectures: [architecture.replace(ending, '') + head] } : {}
}

/** The names of the logits in order; `num_labels`, which transformers reads from them, goes. */
export const labelNames = (
  names: readonly string[],
): { id2label: Record<number, string>; label2id: Record<string, number>; num_labels: undefined } => ({
  id2label: Object.fromEntries(names.map((name, i) => [i, name])),
  label2id: Object.fromEntries(names.map((name, i) => [name, i])),
  num_labels: undefined,
})
