// Reading text files in Node.

import { DataError } from '../errors.ts'

/** The first of these files that exists. @throws {DataError} naming them when none does. */
export async function readText(candidates: readonly string[]): Promise<{ path: string; content: string }> {
  const { readFile } = await import('node:fs/promises')
  for (const path of candidates) {
    try {
      return { path, content: await readFile(path, 'utf8') }
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'ENOENT' && (cause as { code?: string }).code !== 'ENOTDIR')
        throw new DataError({ where: path, what: 'the file could not be read', found: (cause as Error).message }, { cause })
    }
  }
  throw new DataError({ where: candidates.join(' or '), what: 'no such file', fix: 'Check the folder.' })
}
