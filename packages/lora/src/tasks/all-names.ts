// The names of all classes of a head: those of the rows, and those that an adapter has beside them.

import type { Label } from '@cola/data'

/** @param trained Classes of the adapter that training goes on from; one of other classes has none of the head's. */
export function allNames(labels: readonly Label[], trained: readonly string[] = []): string[] {
  const names = labels.map(String)
  const isShared = trained.some((name) => names.includes(name))
  return [...new Set([...names, ...(isShared ? trained : [])])]
}
