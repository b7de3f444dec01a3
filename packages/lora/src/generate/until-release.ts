// Whether a model is open: what was called after its release must not look for another cause first.

/** Open until `release` is called. @param refusal What is thrown after it. */
export function untilRelease(refusal: () => Error) {
  let released = false
  return {
    /** @throws the refusal, after the release. */
    requireOpen(): void {
      if (released) throw refusal()
    },
    /** @returns Whether it was open. */
    release(): boolean {
      const wasOpen = !released
      released = true
      return wasOpen
    },
  }
}
