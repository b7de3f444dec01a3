// Reads files: by their paths in Node, and wherever else they lie.

import { type Check, checkOptions, checkValue, string } from '@cola/graph/options'
import { DataError } from '../errors.ts'
import { diskProblem } from '../files/disk-problem.ts'
import { lfsPointer, longestPointer } from '../files/lfs-pointer.ts'
import { placeOf } from '../files/files.ts'
import { fileSystem, requireFolders } from '../files/node.ts'
import { type FileSource, openFile } from '../open/open-file.ts'
import { addressOf } from '../open/address-of.ts'
import { pathOf } from '../open/path-of.ts'
import { decodeChecks, decodeText, type DecodeOptions } from './decode.ts'

/**
 * Reads the first file that exists.
 * @throws {DataError} naming the candidates if none exists, or a file that is a git-lfs pointer.
 */
async function readFirst(candidates: readonly string[]): Promise<{ path: string; bytes: Uint8Array }> {
  requireFolders(candidates.join(' or '), 'source')
  const { readFile } = fileSystem().promises
  for (const path of candidates) {
    let bytes: Uint8Array
    try {
      bytes = await readFile(path)
    } catch (cause) {
      if ((cause as { code?: string }).code !== 'ENOENT' && (cause as { code?: string }).code !== 'ENOTDIR')
        throw new DataError(diskProblem(path, 'the file could not be read', cause), { cause })
      continue
    }
    const pointer = bytes.length <= longestPointer ? lfsPointer(bytes, path) : undefined
    if (pointer) throw new DataError(pointer)
    return { path, bytes }
  }
  throw new DataError({ where: candidates.join(' or '), what: 'no such file', fix: 'Check the folder.' })
}

/**
 * Reads one file: by its path or its `file:` URL, its address, what a person picked, or its bytes.
 * @throws {DataError | HubError} naming it.
 */
export async function readOne(given: FileSource | Uint8Array): Promise<{ path: string; bytes: Uint8Array }> {
  if (given instanceof Uint8Array) return { path: 'bytes', bytes: given }
  const source = pathOf(given)
  if (typeof source === 'string' && !addressOf(source)) return readFirst([source])
  const { files, name } = await openFile(source)
  return { path: source instanceof Blob ? name : placeOf(files, name), bytes: files.read(name) }
}

const paths: Check = ['an array of paths', (value) => Array.isArray(value) && value.every(string[1])]

/**
 * Reads the text of the first file that exists.
 * @throws {DataError} naming the candidates if none exists, or file and line of invalid bytes.
 */
export async function readText(
  candidates: readonly string[],
  options: Pick<DecodeOptions, 'encoding'> = {},
): Promise<{ path: string; content: string }> {
  checkOptions('readText', options, { encoding: decodeChecks.encoding })
  checkValue('readText, candidates', candidates, paths)
  const { encoding = 'utf-8' } = options
  const { path, bytes } = await readFirst(candidates)
  return { path, content: decodeText(bytes, { encoding, where: path }) }
}
