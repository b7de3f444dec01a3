// The path of a file's URL: `new URL('model', import.meta.url)` is how a module in Node names what lies beside it.

import { DataError } from '../errors.ts'
import { nodeUrl, requireFolders } from '../files/node.ts'

type Any = object | string | number | bigint | boolean | symbol | null | undefined

/**
 * The path in place of a `file:` URL; any other value as it is.
 * @throws {DataError} for such a URL that has no path here, and outside Node.
 */
export function pathOf<Source extends Any>(source: Source): Source | string {
  if (!(source instanceof URL || typeof source === 'string') || !/^file:/i.test(String(source))) return source
  requireFolders(String(source), 'source')
  const { fileURLToPath } = nodeUrl()
  try {
    return fileURLToPath(source)
  } catch (cause) {
    throw new DataError(
      { where: String(source), what: 'not the URL of a file', found: (cause as Error).message },
      { cause },
    )
  }
}
