// Settings of the hub from the environment: endpoint, token and cache, with the variables of Python's huggingface_hub
// (its constants.py and utils/_auth.py).

import { fileSystem, hasFiles, paths, system } from '../files/node.ts'

/** Endpoint and token of the hub. */
export interface HubAccess {
  /** @default HF_ENDPOINT, or https://huggingface.co */
  endpoint?: string
  /** @default HF_TOKEN, or the token that `hf auth login` stored (HF_TOKEN_PATH, HF_HOME/token) */
  token?: string
}

/** An environment variable; undefined if it is empty. */
const variable = (name: string): string | undefined => globalThis.process?.env?.[name] || undefined

const isTrue = (value: string | undefined): boolean => ['1', 'ON', 'YES', 'TRUE'].includes(value?.toUpperCase() ?? '')

/** Whether HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE forbids every request. */
export const isOffline = (): boolean => isTrue(variable('HF_HUB_OFFLINE') ?? variable('TRANSFORMERS_OFFLINE'))

export const endpointOf = (endpoint?: string): string =>
  (endpoint ?? variable('HF_ENDPOINT') ?? 'https://huggingface.co').replace(/\/+$/, '')

/** The folder of the cache, shared with Python: HF_HUB_CACHE, HUGGINGFACE_HUB_CACHE or hub/ in HF_HOME. */
export function cacheFolder(): string {
  const { join } = paths()
  return expandPath(variable('HF_HUB_CACHE') ?? variable('HUGGINGFACE_HUB_CACHE') ?? join(homeFolder(), 'hub'))
}

/** The folder of downloads from addresses: cola/ in XDG_CACHE_HOME, or ~/.cache/cola. */
export const addressFolder = (): string =>
  expandPath(paths().join(variable('XDG_CACHE_HOME') ?? paths().join('~', '.cache'), 'cola', 'addresses'))

/** HF_HOME, huggingface/ in XDG_CACHE_HOME, or ~/.cache/huggingface. */
function homeFolder(): string {
  const { join } = paths()
  return expandPath(variable('HF_HOME') ?? join(variable('XDG_CACHE_HOME') ?? join('~', '.cache'), 'huggingface'))
}

/** Replaces `~` and `$NAME` or `${NAME}` in a path; a variable that is not set is not replaced. */
function expandPath(path: string): string {
  const { homedir } = system()
  return path
    .replace(/^~(?=[/\\]|$)/, () => homedir())
    .replace(/\$(?:(\w+)|\{(\w+)\})/g, (all, plain, braced) => process.env[plain ?? braced] ?? all)
}

/** The token of the environment, or the one that `hf auth login` stored. */
export async function storedToken(): Promise<string | undefined> {
  const set = clean(variable('HF_TOKEN') ?? variable('HUGGING_FACE_HUB_TOKEN'))
  if (set || !hasFiles()) return set
  const path = expandPath(variable('HF_TOKEN_PATH') ?? paths().join(homeFolder(), 'token'))
  return clean(
    await fileSystem()
      .promises.readFile(path, 'utf8')
      .catch(() => undefined),
  )
}

/**
 * The token for reading: the option `token` (an empty one means none), else the stored one, unless
 * HF_HUB_DISABLE_IMPLICIT_TOKEN is set.
 */
export async function readToken(token?: string): Promise<string | undefined> {
  if (token !== undefined) return clean(token)
  return isTrue(variable('HF_HUB_DISABLE_IMPLICIT_TOKEN')) ? undefined : storedToken()
}

const clean = (token: string | undefined): string | undefined => token?.replace(/[\r\n]/g, '').trim() || undefined
