// Dropout of the inputs of adapted layers.

import { type Builder, dropout, type Value } from '@cola/graph'

/** Applies dropout to the input of a module. */
export type Drop = (g: Builder, x: Value, module: string) => Value

/**
 * Dropout with one mask for all modules with the same input, such as query, key and value. PEFT draws one mask for
 * each; a shared mask computes the product once.
 * @param name Name of the dropout in its module: `lora_dropout`.
 */
export function sharedDropout(p: number, name: string): Drop {
  const dropped = new Map<string, Value>()
  return (g, x, module) => {
    const value = dropped.get(x.name) ?? dropout(g, x, p, `${module}.${name}`)
    dropped.set(x.name, value)
    return value
  }
}
