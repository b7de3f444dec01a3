// Zip archives, read and written. The only importer of fflate, which is loaded on first use.

import { DataError } from '../errors.ts'
import { isFileName } from './file-name.ts'
import { type Files, refuseMissing } from './files.ts'
import { memoryFiles } from './memory.ts'

/** What a zip holds, by name: sizes are those that it claims. @throws {DataError} for bytes that are no zip. */
export async function readZip(
  bytes: Uint8Array,
  where: string,
): Promise<{ sizes: ReadonlyMap<string, number>; read: (name: string) => Uint8Array }> {
  const { unzipSync } = await import('fflate')
  const sizes = new Map<string, number>()
  const unzip = (filter: (file: { name: string; originalSize: number }) => boolean) => {
    try {
      return unzipSync(bytes, { filter })
    } catch (cause) {
      throw new DataError({ where, what: 'not a zip file', found: (cause as Error).message }, { cause })
    }
  }
  unzip(({ name, originalSize }) => {
    if (!name.endsWith('/')) sizes.set(name, originalSize)
    return false
  })
  // Each file is inflated when it is asked for, and no other.
  return { sizes, read: (name) => unzip((file) => file.name === name)[name] as Uint8Array }
}

/** The files of a zip, below the folder that holds all of them. @throws {DataError} for bytes that are no zip. */
export async function zipFiles(bytes: Uint8Array, where: string): Promise<Files> {
  const { sizes, read } = await readZip(bytes, where)
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

/** Files as one zip, for a download; weights hardly shrink, so they are stored as they are. */
export async function zipOf(files: Files, { prefix }: { prefix?: string } = {}): Promise<Blob> {
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
