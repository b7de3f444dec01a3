// The classes of a head that training goes on with: those of the rows, and those that its adapter has beside them.

import type { Label } from '@cola/data'

/** What a run has of an adapter before it. */
export interface TrainedLabels {
  /** Names of the classes of the adapter that training goes on from. */
  readonly trained_labels?: readonly string[]
}

/** Names of all classes; an adapter of other classes has none of them. */
export function allNames(labels: readonly Label[], { trained_labels = [] }: TrainedLabels): string[] {
  const names = labels.map(String)
  const isShared = trained_labels.some((name) => names.includes(name))
  return [...new Set([...names, ...(isShared ? trained_labels : [])])]
}
