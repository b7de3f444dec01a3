// Modules of Node, found at run time. A browser can import this file; calling its functions there throws a typed error.

import { nodeModule } from '@cola/data'
import { FileError } from '../errors.ts'

// Stated here: declarations that name Node's types need @types/node, of one version, in every project that uses them.
/** What the packages use of node:fs. */
export interface FileSystem {
  existsSync(path: string): boolean
  mkdirSync(path: string, options: { recursive: true }): string | undefined
  mkdtempSync(prefix: string): string
  realpathSync(path: string): string
  rmSync(path: string, options: { recursive: true; force: true }): void
}
/** What the packages use of node:path. */
export interface Path {
  basename(path: string): string
  dirname(path: string): string
  join(...parts: string[]): string
  relative(from: string, to: string): string
  resolve(...parts: string[]): string
}

/** A module of Node. @throws {FileError} outside Node. */
export function builtin<Module>(name: string): Module {
  const module = nodeModule<Module>(name)
  if (!module)
    throw new FileError({
      where: name,
      what: 'only Node has it',
      fix: 'Use Node 20.19 or later.',
    })
  return module
}

/** node:fs. @throws {FileError} outside Node. */
export const fileSystem = (): FileSystem => builtin<FileSystem>('node:fs')

/** node:path. @throws {FileError} outside Node. */
export const paths = (): Path => builtin<Path>('node:path')
