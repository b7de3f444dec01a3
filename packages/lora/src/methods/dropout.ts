// Dropout of what adapted layers read.

import { type Builder, dropout, type Value } from '@cola/graph'

/** Dropout of what a module reads. */
export type Drop = (g: Builder, x: Value, module: string) => Value

/**
 * Dropout at which modules that read one value, such as query, key and value, share a mask: where PEFT draws one for
 * each, this reads and multiplies the value once for all.
 * @param name Of the dropout in its module: `lora_dropout`.
 */
export function sharedDropout(p: number, name: string): Drop {
  const dropped = new Map<string, Value>()
  return (g, x, module) => {
    const value = dropped.get(x.name) ?? dropout(g, x, p, `${module}.${name}`)
    dropped.set(x.name, value)
    return value
  }
}
