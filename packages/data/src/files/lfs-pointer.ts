// Detects git-lfs pointers: small text files in place of the files that git-lfs stores.

import { requireKind } from '@cola/graph/door'
import type { Problem } from '@cola/graph/errors'

/** Maximum length of a pointer file in bytes, from the specification. */
export const longestPointer = 1024

/**
 * The problem of a file that is a git-lfs pointer (git-lfs, docs/spec.md); undefined for other files.
 * @param bytes The file, or its first {@link longestPointer} bytes.
 */
export function lfsPointer(bytes: Uint8Array, where: string): Problem | undefined {
  requireKind('lfsPointer, bytes', bytes, 'bytes')
  const text = new TextDecoder().decode(bytes.subarray(0, longestPointer))
  if (!text.startsWith('version https://git-lfs.github.com/spec/')) return undefined
  const size = /^size (\d+)$/m.exec(text)?.[1]
  return {
    where,
    what: 'a git-lfs pointer in place of the file',
    ...(size ? { expected: `${size} bytes` } : {}),
    found: `${bytes.length} bytes of text that name it`,
    fix: 'Fetch the file: "git lfs install" and "git lfs pull" in its folder, or "hf download" the repository.',
  }
}
