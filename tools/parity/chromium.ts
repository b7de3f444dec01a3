// Golden cases in Chromium: the wasm build of the runtime, and its WebGPU build on the browser's WebGPU.

import { basename, dirname, join, resolve } from 'node:path'
import { folderFiles } from '@cola/data'
import type { Device } from '@cola/train'
import { type BundledPage, openBundled } from '../bundled-page.ts'
import type { KindError } from './compare.ts'

export interface ChromiumCases {
  /** Runs a case folder; the worst error of each kind of tensor. */
  run(folder: string, device: Device): Promise<KindError[]>
  close(): Promise<void>
}

/** Runs cases in Chromium, those that lie in one folder on one page. */
export function chromiumCases(): ChromiumCases {
  const pages = new Map<string, Promise<BundledPage>>()
  return {
    async run(folder, device) {
      const path = resolve(folder)
      const parent = dirname(path)
      const opened = pages.get(parent) ?? openBundled(join(import.meta.dirname, 'page.ts'), { folder: parent })
      pages.set(parent, opened)
      const { page } = await opened
      const call = [basename(path), folderFiles(path).names(), device].map((value) => JSON.stringify(value))
      return page.evaluate<KindError[]>(`runFetched(${call.join(', ')})`)
    },
    async close() {
      for (const opened of pages.values()) await (await opened).close()
    },
  }
}
