// The run that is under way, kept in the browser's storage until it ends.

import type { FileStore } from '@cola/data'
import type { OpenRun } from '../messages.ts'
import { openFolder, removeFolder } from './storage.ts'

const folder = 'run'
const requestFile = 'request.json'

/** Opens the folder of the run. */
export const runFolder = (onFailure: (error: Error) => void): Promise<FileStore> => openFolder([folder], onFailure)

/** The run that was under way or failed, or undefined. */
export async function keptRun(): Promise<OpenRun | undefined> {
  const store = await runFolder(() => undefined)
  if (!store.has(requestFile) || !store.has('checkpoint.safetensors')) return undefined
  try {
    return JSON.parse(new TextDecoder().decode(store.read(requestFile))) as OpenRun
  } catch {
    return undefined
  }
}

/** The run that was kept, if it trains the same model on the same rows by the same settings, on any device. */
export async function sameRun(run: OpenRun): Promise<OpenRun | undefined> {
  const kept = await keptRun()
  return kept && keyOf(kept) === keyOf(run) ? kept : undefined
}

const keyOf = ({ model, rows, settings }: OpenRun): string => JSON.stringify([model, rows, { ...settings, device: '' }])

/** Writes what a reloaded page needs to go on. A picked folder that could not be copied is not opened again. */
export async function rememberRun(store: FileStore, run: OpenRun): Promise<void> {
  if (run.model.kind === 'folder') return
  store.write(requestFile, [new TextEncoder().encode(JSON.stringify(run))])
  await store.flush?.()
}

export const forgetRun = (): Promise<void> => removeFolder(folder)
