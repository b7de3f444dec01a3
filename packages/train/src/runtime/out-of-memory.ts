// Recognises a lack of memory in what the runtime says.

const words = /bad_alloc|bad allocation|out of memory|failed to allocate|allocation failed|enlarge memory/i

/** Whether an error, of the runtime's or made of one, is about memory. */
export const isOutOfMemory = (cause: unknown): boolean =>
  words.test(cause instanceof Error ? cause.message : String(cause))
