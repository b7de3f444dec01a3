// Promises that are made once by key.

/** The promise that was made for a key, else a new one. A failure is not kept: the next try may succeed. */
export function once<Key, Value>(kept: Map<Key, Promise<Value>>, key: Key, make: () => Promise<Value>): Promise<Value> {
  const found = kept.get(key)
  if (found) return found
  const made = make()
  kept.set(key, made)
  made.catch(() => kept.delete(key))
  return made
}
