// Files as one zip.

import { zipSync } from 'fflate'

/** A zip of files, each below its name. Model files hardly shrink, and are stored as they are. */
export const zipped = (files: ReadonlyMap<string, Uint8Array>): Blob =>
  new Blob([zipSync(Object.fromEntries(files), { level: 0 }) as Uint8Array<ArrayBuffer>], { type: 'application/zip' })
