// Downloads on the disk: blobs/, snapshots/, refs/ and .no_exist/ of Python's huggingface_hub. Nothing is written
// through a symbolic link below the repository's folder, and a blob appears under its name complete or not at all.

import { HubError } from '../errors.ts'
import { diskProblem } from '../files/disk-problem.ts'
import type { Files } from '../files/files.ts'
import { folderFiles } from '../files/folder.ts'
import { fileSystem, paths, system } from '../files/node.ts'
import { isAlive } from '../files/owner.ts'
import type { PartialBlob, Store } from './store.ts'

/** Partial files that this process writes. */
const active = new Set<string>()
let count = 0

const thisHost = (): string => system().hostname().replaceAll(/\W/g, '_')

/** A name of this process and this call, for temporary files. */
const ownName = (): string => `${thisHost()}-${process.pid}-${++count}`

/** @param folder Of the repository, such as HUB/models--owner--name. */
export function diskStore(folder: string): Store {
  const { promises: fs, constants } = fileSystem()
  const { join, dirname, basename, relative } = paths()
  const blobs = join(folder, 'blobs')
  const blobPath = (id: string) => join(blobs, id)
  const snapshot = (commit: string) => join(folder, 'snapshots', commit)

  /** Creates the folder of a file. @throws {HubError} where a symbolic link, or a file, is in the way. */
  const makeFolder = async (path: string): Promise<void> => {
    await attempt(folder, () => fs.mkdir(folder, { recursive: true }))
    let at = folder
    for (const part of relative(folder, path).split(/[/\\]/).filter(Boolean)) {
      at = join(at, part)
      await fs.mkdir(at).catch((error) => {
        if (error.code !== 'EEXIST') unwritable(at, error)
      })
      if (!(await fs.lstat(at)).isDirectory())
        throw new HubError({
          where: at,
          what: 'a symbolic link or a file is in the way of a folder of the cache',
          fix: 'Remove it: nothing is written through it.',
        })
    }
  }

  /** Makes a new file or link under another name, then renames it: what is there is replaced, and not followed. */
  const replace = async (path: string, make: (temporary: string) => Promise<void>): Promise<void> => {
    await makeFolder(dirname(path))
    const temporary = `${path}.${ownName()}.tmp`
    await attempt(path, async () => {
      try {
        await make(temporary)
        await fs.rename(temporary, path)
      } catch (error) {
        await fs.rm(temporary, { force: true })
        throw error
      }
    })
  }

  const chunksOf = (path: string) => ({
    async *[Symbol.asyncIterator]() {
      yield* fileSystem().createReadStream(path, { highWaterMark: 2 ** 20 }) as AsyncIterable<Uint8Array>
    },
  })

  const sizeOf = async (path: string): Promise<number | undefined> => {
    const stats = await fs.lstat(path).catch(() => undefined)
    return stats?.isFile() ? stats.size : undefined
  }

  /** A partial file that nobody writes any more, under a name of its own; else a new one. */
  const claim = async (id: string): Promise<string> => {
    const own = join(blobs, `${id}.${ownName()}.incomplete`)
    active.add(own)
    const left = (await fs.readdir(blobs)).filter((name) => name.startsWith(`${id}.`) && isLeft(join(blobs, name)))
    for (const name of left) {
      if ((await sizeOf(join(blobs, name))) === undefined) continue
      const claimed = await fs.rename(join(blobs, name), own).then(
        () => true,
        () => false, // Another process was faster.
      )
      if (claimed) return own
    }
    await attempt(own, async () => (await fs.open(own, 'wx')).close())
    return own
  }

  return {
    files: (commit): Files => folderFiles(snapshot(commit)),
    readRef: async (revision) =>
      (await fs.readFile(join(folder, 'refs', revision), 'utf8').catch(() => undefined))?.trim(),
    writeRef: (revision, commit) =>
      replace(join(folder, 'refs', revision), (temporary) => fs.writeFile(temporary, commit, { flag: 'wx' })),
    async find(commit, path) {
      const place = join(snapshot(commit), path)
      if (await fs.stat(place).catch(() => undefined)) return { id: basename(await fs.readlink(place).catch(() => '')) }
      return (await sizeOf(join(folder, '.no_exist', commit, path))) === undefined ? undefined : 'absent'
    },
    markAbsent: (commit, path) =>
      replace(join(folder, '.no_exist', commit, path), (temporary) => fs.writeFile(temporary, '', { flag: 'wx' })),
    async blob({ id }) {
      const size = await sizeOf(blobPath(id))
      return size === undefined ? undefined : { size, chunks: () => chunksOf(blobPath(id)) }
    },
    async link(commit, path, { id }) {
      const place = join(snapshot(commit), path)
      await replace(place, async (temporary) => {
        // Windows may forbid symbolic links; there the file is one of two names, or a copy.
        await fs
          .symlink(relative(dirname(place), blobPath(id)), temporary)
          .catch(() => fs.link(blobPath(id), temporary))
          .catch(() => fs.copyFile(blobPath(id), temporary, constants.COPYFILE_EXCL))
      })
    },
    async write({ id }, use) {
      await makeFolder(blobs)
      const path = await claim(id)
      const file = await attempt(path, () => fs.open(path, constants.O_RDWR | constants.O_NOFOLLOW))
      let isOpen = true
      const close = async () => {
        if (isOpen) await file.close()
        isOpen = false
      }
      let length = (await file.stat()).size
      const partial: PartialBlob = {
        get length() {
          return length
        },
        chunks: () => chunksOf(path),
        async append(chunk) {
          await attempt(path, async () => {
            for (let at = 0; at < chunk.length; )
              at += (await file.write(chunk, at, chunk.length - at, length + at)).bytesWritten
          })
          length += chunk.length
        },
        async clear() {
          await attempt(path, () => file.truncate(0))
          length = 0
        },
        async complete() {
          await attempt(path, async () => {
            await file.sync()
            await close()
            await fs.rename(path, blobPath(id))
          })
        },
        close,
      }
      try {
        const result = await use(partial)
        await close()
        // Of a blob that another process brought meanwhile, the partial file is there still.
        await fs.rm(path, { force: true })
        return result
      } catch (error) {
        await close()
        // A file without bytes is nothing to go on from; of a full disk, none is kept.
        if (length === 0 || error instanceof DiskError) await fs.rm(path, { force: true })
        throw error
      } finally {
        await close()
        active.delete(path)
      }
    },
  }
}

/** Whether a partial file of this machine is written by no process any more. */
function isLeft(path: string): boolean {
  const [, owner, pid] = /\.(\w+)-(\d+)-\d+\.incomplete$/.exec(path) ?? []
  if (owner !== thisHost()) return false
  return Number(pid) === process.pid ? !active.has(path) : !isAlive(Number(pid))
}

/** The disk refuses: it is full, or may not be written. */
class DiskError extends HubError {}

async function attempt<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  return work().catch((cause) => unwritable(path, cause))
}

function unwritable(path: string, cause: unknown): never {
  const { fix = '', ...problem } = diskProblem(path, 'the cache could not be written', cause)
  throw new DiskError(
    { ...problem, fix: `${fix} HF_HUB_CACHE or the option cacheDir name another folder for the cache.`.trim() },
    { cause },
  )
}
