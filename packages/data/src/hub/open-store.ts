// The store of a repository: on the disk in Node, in the browser's storage elsewhere.

import { hasFiles, paths } from '../files/node.ts'
import { browserStore } from './browser-store.ts'
import { diskStore } from './disk-store.ts'
import type { HubOptions } from './hub-options.ts'
import { cacheFolder } from './settings.ts'
import type { Store } from './store.ts'

/** @param folder Where the stores of a browser, or of the option cacheDir, are. @default the hub's cache */
export async function openStore(
  name: string,
  { cacheDir, onWarning }: Pick<HubOptions, 'cacheDir' | 'onWarning'>,
  folder: () => string = cacheFolder,
): Promise<Store> {
  return hasFiles() ? diskStore(paths().join(cacheDir ?? folder(), name)) : browserStore(name, onWarning)
}
