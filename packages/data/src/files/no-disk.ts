// In place of ./disk.ts in browsers, whose functions for folders refuse before they call these.

import { DataError } from '../errors.ts'
import type { Files, FileSink, FileStore } from './files.ts'

const refuse = (folder: string): never => {
  throw new DataError({ where: folder, what: 'built for a page, without folders', fix: "Bundle for 'node'." })
}

export const filesIn: (folder: string) => Files = refuse
export const sinkIn: (folder: string) => FileSink = refuse
export const storeIn: (folder: string) => FileStore = refuse
