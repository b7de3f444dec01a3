// Values that several nodes read are built for the first.

/** A function that makes what is asked for under a key the first time, and returns the same afterwards. */
export function memoize<Result>(): (key: string, make: () => Result) => Result {
  const made = new Map<string, Result>()
  return (key, make) => {
    const result = made.get(key) ?? make()
    made.set(key, result)
    return result
  }
}
