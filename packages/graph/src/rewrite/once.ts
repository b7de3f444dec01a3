// What several nodes read is made for the first.

/** A function that makes what is asked for under a key the first time, and gives the same afterwards. */
export function once<Result>(): (key: string, make: () => Result) => Result {
  const made = new Map<string, Result>()
  return (key, make) => {
    const result = made.get(key) ?? make()
    made.set(key, result)
    return result
  }
}
