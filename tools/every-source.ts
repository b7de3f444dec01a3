// The places that files are opened from: the same files in a folder, on a hub, at an address, picked, in a zip, as bytes.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type FileHandle, folderFiles, memoryFiles, type Source, type SourceOptions, zipOf } from '@cola/data'
import { directoryHandle, fileHandle } from './directory-handle.ts'
import { hubServer } from './hub-server.ts'

/** The kinds of sources, for tables of tests. */
export const sourceKinds = [
  'folder',
  'file URL',
  'hub',
  'address',
  'picked files',
  'file handles',
  'folder handle',
  'zip',
  'zip handle',
  'bytes',
  'open files',
] as const

/** The kinds of a file by itself. */
export const fileKinds = ['path', 'address', 'file', 'file handle', 'file list'] as const

export interface EverySource {
  readonly source: Readonly<Record<(typeof sourceKinds)[number], Source>>
  /** Of a file by itself. */
  readonly one: (name: string) => Readonly<Record<(typeof fileKinds)[number], Source | FileHandle>>
  readonly options: SourceOptions
  readonly close: () => Promise<void>
}

/** Puts files everywhere. Their names have no folders. */
export async function everySource(files: Readonly<Record<string, Uint8Array<ArrayBuffer>>>): Promise<EverySource> {
  const work = mkdtempSync(join(tmpdir(), 'cola-every-source-'))
  const folder = join(work, 'files')
  mkdirSync(folder)
  for (const [name, bytes] of Object.entries(files)) writeFileSync(join(folder, name), bytes)
  const server = createServer(({ url }, response) => {
    const bytes = files[decodeURIComponent(url?.split('/').at(-1) ?? '')]
    if (bytes) response.end(bytes)
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/files`
  const hub = await hubServer(files, 'a'.repeat(40))
  const fileOf = (name: string) => new File([files[name] as Uint8Array<ArrayBuffer>], name)
  const picked = Object.keys(files).map(fileOf)
  const zip = new File([await zipOf(memoryFiles(files))], 'files.zip')
  return {
    source: {
      folder,
      'file URL': pathToFileURL(folder),
      hub: 'someone/model',
      address,
      'picked files': picked,
      'file handles': picked.map(fileHandle),
      'folder handle': directoryHandle('picked', files),
      zip,
      'zip handle': fileHandle(zip),
      bytes: files,
      'open files': folderFiles(folder),
    },
    one: (name) => ({
      path: join(folder, name),
      address: `${address}/${name}`,
      file: fileOf(name),
      'file handle': fileHandle(fileOf(name)),
      'file list': [fileOf(name)],
    }),
    options: { endpoint: hub.endpoint, token: '', cacheDir: join(work, 'cache') },
    close: async () => {
      await hub.close()
      server.close()
      rmSync(work, { recursive: true })
    },
  }
}
