import { expect } from 'vitest'

interface Tolerance {
  atol?: number
  rtol?: number
}

expect.extend({
  /** |actual - expected| <= atol + rtol |expected| for every element. */
  toBeAllclose(actual: ArrayLike<number>, expected: ArrayLike<number>, { atol = 1e-6, rtol = 1e-5 }: Tolerance = {}) {
    let worst = ''
    const pass =
      actual.length === expected.length &&
      Array.from(actual).every((a, i) => {
        const e = expected[i] as number
        const ok = Math.abs(a - e) <= atol + rtol * Math.abs(e)
        if (!ok && !worst) worst = `element ${i}: expected ${e}, received ${a}`
        return ok
      })
    return { pass, message: () => worst || `lengths ${actual.length} and ${expected.length}` }
  },
})

declare module 'vitest' {
  interface Assertion {
    toBeAllclose(expected: ArrayLike<number>, tolerance?: Tolerance): void
  }
}
