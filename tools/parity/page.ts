// Runs in the browser: golden cases from files that the page fetches.

import { memoryFiles } from '@cola/data'
import { configureRuntime, type Device } from '@cola/train'
import { keepDevice } from '../kept-device.ts'
import { runCase } from './cases.ts'
import type { KindError } from './compare.ts'

let kept: Promise<unknown> | undefined

/** Runs the case of a folder whose files have these names. */
async function runFetched(folder: string, names: readonly string[], device: Device): Promise<KindError[]> {
  const fetched = names.map(async (name) => {
    const response = await fetch(`/files/${folder}/${name}`)
    if (!response.ok) throw new Error(`/files/${folder}/${name}: ${response.status}`)
    return [name, new Uint8Array(await response.arrayBuffer())] as const
  })
  if (device === 'webgpu') kept ??= keepDevice()
  await kept
  return runCase(memoryFiles(new Map(await Promise.all(fetched)), folder), device)
}

configureRuntime({ numThreads: 2 })
Object.assign(globalThis, { runFetched, loaded: true })
