// The copy of a picked folder's model in the browser's storage, so that a reloaded page goes on without its owner. There
// is one, of the folder that was trained last.

import { copyFiles, type Files, openFiles } from '@cola/data'
import type { KeptModel } from '../messages.ts'
import { folderAt, foldersIn, removeFolder } from './storage.ts'

const parent = 'models'

/** Written last: a copy without it is not whole. */
const markFile = 'copied.json'

/** The files of the copy. @throws the browser's error where it is not there. */
export const copiedModel = async (name: string): Promise<Files> =>
  openFiles(await folderAt([parent, name]), { files: [] })

/** The copy that is there. */
export async function keptModel(): Promise<KeptModel | undefined> {
  const [name] = await foldersIn(parent)
  const files = name === undefined ? undefined : await copiedModel(name).catch(() => undefined)
  return name !== undefined && files?.has(markFile) ? { kind: 'kept', name, bytes: bytesOf(files) } : undefined
}

/**
 * Copies the files that a model was opened from, in place of an earlier copy.
 * @throws {DataError} when the storage is full or refused.
 */
export async function keepModel(name: string, files: Files): Promise<KeptModel> {
  const kept: KeptModel = { kind: 'kept', name, bytes: bytesOf(files) }
  const there = await keptModel()
  if (there?.name === kept.name && there.bytes === kept.bytes) return kept
  await forgetModel()
  const folder = await folderAt([parent, name], true)
  await copyFiles(files, folder)
  await copyFiles(await openFiles({ [markFile]: new TextEncoder().encode('{}') }), folder)
  return kept
}

const forgetModel = (): Promise<void> => removeFolder(parent)

const bytesOf = (files: Files): number =>
  files.names().reduce((sum, name) => sum + (name === markFile ? 0 : files.size(name)), 0)

/** Files, and a list of those that were asked for: what a copy of the model needs. */
export function recorded(files: Files): { files: Files; asked: Files } {
  const names = new Set<string>()
  const recording: Files = {
    ...files,
    async fetch(wanted) {
      await files.fetch?.(wanted)
      for (const { path } of wanted) names.add(path)
    },
  }
  return { files: recording, asked: { ...files, names: () => [...names].filter((name) => files.has(name)) } }
}
