// Folders of tests: of the disk in Node; a browser has none, and has stores in memory in their place.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  type Files,
  filesOf,
  type FileStore,
  folderStore,
  hasFiles,
  memoryFiles,
  memorySink,
  nodeModule,
} from '@cola/data'
import { afterAll } from 'vitest'

/** A folder that is read and written: its path, or a store. */
export type Folder = string | FileStore

/** Gives folders by name, in a temporary one, which is removed when the file's tests end. */
export function temporaryFolders(): (name: string) => Folder {
  const fs = nodeModule<typeof import('node:fs')>('node:fs')
  const os = nodeModule<typeof import('node:os')>('node:os')
  if (!fs || !os) return memoryFolders()
  const root = fs.mkdtempSync(join(os.tmpdir(), 'cola-test-'))
  afterAll(() => fs.rmSync(root, { recursive: true }))
  return (name) => join(root, name)
}

function memoryFolders(): (name: string) => FileStore {
  const stores = new Map<string, FileStore>()
  return (name) => {
    const store = stores.get(name) ?? memorySink(name)
    stores.set(name, store)
    return store
  }
}

/** A folder of the repository, to be opened: its path; in a browser its files, read into memory. */
export function folderAt(path: string): string | Files {
  if (hasFiles()) return path
  const names = readdirSync(path, { recursive: true, encoding: 'utf8' })
  const files = names.filter((name) => !names.some((other) => other.startsWith(`${name}/`)))
  return memoryFiles(Object.fromEntries(files.map((name) => [name, readFileSync(join(path, name))])), path)
}

/** A folder's files, to be read and written. */
export const storeOf = (folder: Folder): FileStore => (typeof folder === 'string' ? folderStore(folder) : folder)

/** A file in a folder, as functions take one by itself: its path, or what a person picked. */
export const fileIn = (folder: Folder, name: string): string | File =>
  typeof folder === 'string' ? join(folder, name) : new File([folder.read(name) as Uint8Array<ArrayBuffer>], name)

/**
 * The option `base` with which a fine-tuned model is opened again: none in Node, where what was saved names the base's
 * folder.
 */
export const reopening = <Base>(base: Base): { base?: Base } => (hasFiles() ? {} : { base })

/** Copies files into a folder. @param names Some of them. @default all */
export function copyFolder(from: string | Files, to: Folder, names = filesOf(from).names()): void {
  for (const name of names) storeOf(to).write(name, [filesOf(from).read(name)])
}

/** The text of a file in a folder. */
export const readText = (folder: string | Files, name: string): string =>
  new TextDecoder().decode(filesOf(folder).read(name))

/** Writes a text into a file of a folder. */
export const writeText = (folder: Folder, name: string, text: string): void =>
  storeOf(folder).write(name, [new TextEncoder().encode(text)])
