/** Whether a source is the address of files. */
export const isAddress = (source: unknown): source is string =>
  typeof source === 'string' && /^https?:\/\//.test(source)
