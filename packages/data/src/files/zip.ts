// Zip archives, read and written. The only importer of fflate, which is loaded on first use.

import { requireKind } from '@cola/graph/door'
import { checkOptions, string } from '@cola/graph/options'
import type { UnzipFileInfo } from 'fflate'
import { DataError } from '../errors.ts'
import { isFileName } from './file-name.ts'
import { type Files, refuseMissing } from './files.ts'
import { memoryFiles } from './memory.ts'
import type { ZipOptions } from './zip-options.ts'

const mebibyte = 2 ** 20

/**
 * @throws {DataError} for a file that would inflate beyond the limit: texts and weights shrink to a twentieth at most,
 * what is made to fill the memory to a thousandth.
 */
function requireSize(where: string, { size, originalSize }: UnzipFileInfo, limit: number | undefined): void {
  const most = limit ?? Math.min(2048 * mebibyte, Math.max(64 * mebibyte, 200 * size))
  if (originalSize <= most) return
  throw new DataError({
    where,
    what: 'the file in the zip is too large to be inflated',
    expected: `at most ${most} bytes`,
    found: `${originalSize} bytes, of ${size} compressed ones`,
    fix: 'If you trust it, unpack it yourself and open the folder, or raise maxInflated.',
  })
}

/**
 * What a zip holds, by name: sizes are those that it claims, and no file inflates to more.
 * @throws {DataError} for bytes that are no zip; `read` throws one for a file that is too large.
 */
export async function readZip(
  bytes: Uint8Array,
  where: string,
  { maxInflated }: ZipOptions = {},
): Promise<{ sizes: ReadonlyMap<string, number>; read: (name: string) => Uint8Array }> {
  const { unzipSync } = await import('fflate')
  const sizes = new Map<string, number>()
  const unzip = (filter: (file: UnzipFileInfo) => boolean) => {
    try {
      return unzipSync(bytes, { filter })
    } catch (cause) {
      if (cause instanceof DataError) throw cause
      throw new DataError({ where, what: 'not a zip file', found: (cause as Error).message }, { cause })
    }
  }
  unzip(({ name, originalSize }) => {
    if (!name.endsWith('/')) sizes.set(name, originalSize)
    return false
  })
  // Each file is inflated when it is asked for, and no other.
  const isWanted = (name: string) => (file: UnzipFileInfo) => {
    if (file.name !== name) return false
    requireSize(`${where}/${name}`, file, maxInflated)
    return true
  }
  return { sizes, read: (name) => unzip(isWanted(name))[name] as Uint8Array }
}

/** The files of a zip, below the folder that holds all of them. @throws {DataError} for bytes that are no zip. */
export async function zipFiles(bytes: Uint8Array, where: string, options: ZipOptions = {}): Promise<Files> {
  const { sizes, read } = await readZip(bytes, where, options)
  const entries = [...sizes.keys()].filter(isFileName)
  const [folder = ''] = entries[0]?.split('/') ?? []
  const root = entries.every((name) => name.startsWith(`${folder}/`)) ? `${folder}/` : ''
  const names = entries.map((name) => name.slice(root.length)).sort()
  const inflated = new Map<string, Uint8Array>()
  const memory = memoryFiles(inflated, where)
  const load = (name: string): Files => {
    if (!names.includes(name)) refuseMissing(files, name)
    if (!inflated.has(name)) inflated.set(name, read(`${root}${name}`))
    return memory
  }
  const files: Files = {
    where,
    names: () => names,
    has: (name) => names.includes(name),
    size: (name) => load(name).size(name),
    read: (name, begin, end) => load(name).read(name, begin, end),
  }
  return files
}

/**
 * Files as one zip, for a download; weights hardly shrink, so they are stored as they are.
 * @param options `prefix`: the folder that holds them in the zip. @default none
 */
export async function zipOf(files: Files, options: { prefix?: string } = {}): Promise<Blob> {
  checkOptions('zipOf', options, { prefix: string })
  requireKind('zipOf, files', files, 'object')
  const { prefix } = options
  const { Zip, ZipPassThrough } = await import('fflate')
  const parts: Uint8Array<ArrayBuffer>[] = []
  const zip = new Zip((error, chunk) => {
    if (error) throw error
    parts.push(chunk as Uint8Array<ArrayBuffer>)
  })
  for (const name of files.names()) {
    const entry = new ZipPassThrough(prefix ? `${prefix}/${name}` : name)
    zip.add(entry)
    entry.push(files.read(name), true)
  }
  zip.end()
  return new Blob(parts, { type: 'application/zip' })
}
