// What is open already is no source of files.

/** Fields of what is open. */
const fields = ['adapted', 'deleteAdapter', 'tokenizer', 'graph', 'tensors', 'config']

/** @throws {ConfigError} for what is open where files are wanted. */
export async function requireFiles(where: string, value: unknown): Promise<void> {
  // A part of its own in bundles.
  if (typeof value === 'object' && value !== null && fields.some((name) => name in value))
    (await import('./in-place-of-files.ts')).refuseOpen(where, value)
}
