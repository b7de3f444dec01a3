// Caches results by key, so that a value that several nodes read is built once.

/** A function that calls `make` for the first use of a key, and returns the same result for the key afterwards. */
export function memoize<Result>(): (key: string, make: () => Result) => Result {
  const results = new Map<string, Result>()
  return (key, make) => {
    const result = results.get(key) ?? make()
    results.set(key, result)
    return result
  }
}
