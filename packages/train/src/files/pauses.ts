// Divides long work on rows or matrices into slices, so that a page or a server answers in between.

/** Milliseconds of work before a pause: browsers call a task long from 50 on. */
const slice = 12

/**
 * Gives a function to await between pieces of work: it waits for the event loop where a slice has passed since the last
 * wait, and else is done at once.
 */
export function pauses(): () => Promise<void> | undefined {
  let last = performance.now()
  return () => {
    if (performance.now() - last < slice) return undefined
    return new Promise((resolve) =>
      setTimeout(() => {
        last = performance.now()
        resolve()
      }),
    )
  }
}
