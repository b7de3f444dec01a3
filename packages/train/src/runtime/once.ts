// Promises that are made once by key.

import { requireKind } from '@cola/graph/door'

/**
 * The promise that was made for a key, else a new one. A failure is not kept: the next try may succeed.
 * @param kept Gets the new promise, until it fails.
 * @throws {ConfigError} for what is no Map.
 */
export function once<Key, Value>(kept: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>): Promise<Value> {
  requireKind('once, kept', kept, 'map')
  const found = kept.get(key)
  if (found) return found
  const made = make()
  kept.set(key, made)
  made.catch(() => kept.delete(key))
  return made
}
