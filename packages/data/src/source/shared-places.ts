// Which examples a model is judged by and trained on.

import { requireKind } from '@cola/graph/door'

/**
 * Places of examples that are among the training examples too, both compared as JSON.
 * @throws {ConfigError} for what is no array.
 */
export function placesOfShared(judged: readonly object[], train: readonly object[]): number[] {
  requireKind('placesOfShared, judged', judged, 'list')
  const keys = judged.map((one) => JSON.stringify(one))
  const asked = new Set(keys)
  const shared = new Set<string>()
  for (const one of asked.size > 0 ? train : []) {
    const key = JSON.stringify(one)
    if (asked.has(key)) shared.add(key)
  }
  return keys.flatMap((key, i) => (shared.has(key) ? [i] : []))
}
