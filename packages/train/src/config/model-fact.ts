// Something that a model's file and its config.json both tell.

import type { ModelConfig } from '@cola/data'
import type { Graph } from '@cola/graph'

export type Answer = number | string

/** What a configuration says: a value, and the field that has it. */
export type Said = readonly [value: Answer, field: string]

/** What a file shows at a place; that one of several values agrees is enough. */
export interface Shown {
  readonly place: string
  readonly found: readonly Answer[]
  /** Whether the file may have more than it shows. @default false */
  readonly atLeast?: boolean
}

/** A row of the table that `checkConfig` compares. */
export interface ModelFact {
  /** In words, after "its". */
  readonly what: string
  /** What the configuration says; nothing where it is silent. */
  readonly said: (config: ModelConfig) => readonly Said[]
  /** What the file shows; nothing where it hides it. */
  readonly shown: (graph: Graph) => readonly Shown[]
  /** @default equal */
  readonly agrees?: (found: Answer, said: Answer) => boolean
}

/** What several places have, any of which may be the one that the configuration means. */
export function anyOf(values: readonly (readonly [name: string, value: number])[]): Shown[] {
  const [first] = values
  return first ? [{ place: `"${first[0]}"`, found: [...new Set(values.map(([, value]) => value))] }] : []
}
