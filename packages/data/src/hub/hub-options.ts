// Options of what is read from a hub or an address.

import { abortSignal, callable, type Checks, flag, positive, string, text, whole } from '@cola/graph/options'
import type { HubAccess } from './settings.ts'

/** How far a download has come. */
export interface Progress {
  /** Name of the file in its folder or repository. */
  file: string
  /** Bytes that are there. */
  loaded: number
  /** Size of the file in bytes; undefined where a server does not say it. */
  total: number | undefined
}

/** How the hub, or an address, is read: endpoint, token, revision, cache, patience, progress. */
export interface HubOptions extends HubAccess {
  /** Branch, tag or commit. @default 'main' */
  revision?: string
  /** In Node: the folder of downloads. @default HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub */
  cacheDir?: string
  /** Longest wait for a response, and for the next bytes of a file, in milliseconds. @default 30000 */
  timeout?: number
  /** How often a request that is refused for now (429, 503, ...) or breaks off is tried again. @default 4 */
  retries?: number
  /** Make no request: only what was downloaded before. @default HF_HUB_OFFLINE */
  offline?: boolean
  /** Called as the bytes of a download arrive. @default not */
  onProgress?: (progress: Progress) => void
  /** Told when a browser stores nothing, so that the next visit downloads again. @default not */
  onWarning?: (warning: { message: string }) => void
  /** Stops what is under way. */
  signal?: AbortSignal
  /** @default globalThis.fetch */
  fetch?: typeof fetch
}

/** Checks of {@link HubAccess}. An empty token means none. */
export const accessChecks: Checks<HubAccess> = {
  endpoint: text,
  token: string,
}

/** Checks of {@link HubOptions}. */
export const hubChecks: Checks<HubOptions> = {
  ...accessChecks,
  revision: string,
  cacheDir: text,
  timeout: positive,
  retries: whole(0),
  offline: flag,
  onProgress: callable,
  onWarning: callable,
  signal: abortSignal,
  fetch: callable,
}
