// node:path for the packages' tests in a browser.

/** Joins the parts of a path, and resolves `..`. */
export const join = (...parts: readonly string[]): string => new URL(parts.join('/'), 'file:///').pathname
