// A repository of a hub at one commit: its files, from the hub or from what was downloaded before.

import { show } from '@cola/graph/options'
import { HubError } from '../errors.ts'
import { isFileName } from '../files/file-name.ts'
import type { Files, WantedFile } from '../files/files.ts'
import { hasFiles } from '../files/node.ts'
import { type CheckedKey, download } from './download.ts'
import { withToken } from './fetch.ts'
import { isRepoName, neighbours } from './folder-or-repo.ts'
import { offline, refused } from './hub-errors.ts'
import type { HubOptions } from './hub-options.ts'
import { openStore } from './open-store.ts'
import { pickleFix } from './pickle-fix.ts'
import { encodedPath, jsonOf, request, requestContext, type RequestContext } from './request.ts'
import { endpointOf, isOffline, readToken } from './settings.ts'
import type { Store } from './store.ts'

export const repoTypes = ['model', 'dataset'] as const

/** Kinds of repositories on the hub. */
export type RepoType = (typeof repoTypes)[number]

interface Context extends RequestContext {
  repo: string
  type: RepoType
  endpoint: string
  hasToken: boolean
  isOffline: boolean
  store: Store
  onProgress: HubOptions['onProgress']
}

export interface Repository {
  /** Files that were fetched. */
  files: Files
  /**
   * Brings a file.
   * @returns Whether the commit has it: false only for optional files.
   */
  fetch: (file: WantedFile) => Promise<boolean>
}

const commitId = /^[0-9a-f]{40}$/

/**
 * Opens a repository at a commit. A branch is resolved to its commit once; if the hub is unreachable, its last known
 * commit is used. Offline there are no requests.
 * @throws {HubError} naming the URL: unreachable, refused, offline, an answer that is not valid.
 */
export async function openRepository(
  repo: string,
  { type = 'model', ...options }: HubOptions & { type?: RepoType } = {},
): Promise<Repository> {
  if (!isRepoName(repo))
    throw new HubError({
      where: show(repo),
      what: 'not the name of a repository',
      expected: 'owner/name, of letters, digits, "-", "_" and "."',
    })
  const revision = options.revision ?? 'main'
  if (!isFileName(revision))
    throw new HubError({
      where: `option revision, ${JSON.stringify(revision)}`,
      what: 'not the name of a branch, tag or commit',
    })
  const endpoint = endpointOf(options.endpoint)
  const token = await readToken(options.token)
  const patience = requestContext(options)
  const context: Context = {
    ...patience,
    repo,
    type,
    endpoint,
    hasToken: token !== undefined,
    isOffline: options.offline ?? isOffline(),
    fetch: withToken(patience.fetch, endpoint, token),
    store: await openStore(`${type}s--${repo.replaceAll('/', '--')}`, options),
    onProgress: options.onProgress,
  }
  const snapshot = await resolve(context, revision)
  return {
    files: context.store.files(snapshot.commit),
    fetch: (file) => fetchFile(context, snapshot, file),
  }
}

interface Snapshot {
  commit: string
  /** The repository's files. */
  list: () => Promise<readonly string[]>
  /** Why the hub cannot be used: only what was downloaded is there. */
  hubError?: HubError | undefined
}

async function resolve(context: Context, revision: string): Promise<Snapshot> {
  const { repo, type, endpoint, isOffline, store } = context
  const url = `${endpoint}/api/${type}s/${repo}/revision/${encodeURIComponent(revision)}`
  const known = commitId.test(revision) ? revision : await store.readRef(revision)
  const isKnown = known !== undefined && commitId.test(known)
  const cacheOnly = (hubError: HubError): Snapshot => ({ commit: known as string, list: async () => [], hubError })
  if (isOffline) {
    if (!isKnown) throw offline(url, await folderFix(context))
    return cacheOnly(offline(url))
  }
  if (known === revision) {
    let names: Promise<readonly string[]> | undefined
    return {
      commit: revision,
      list: () => {
        names ??= requestRevision(context, url, revision).then((answer) => answer.names)
        return names
      },
    }
  }
  try {
    const { commit, names } = await requestRevision(context, url)
    await store.writeRef(revision, commit)
    return { commit, list: async () => names }
  } catch (error) {
    context.signal?.throwIfAborted()
    if (!(error instanceof HubError)) throw error
    if (isKnown) return cacheOnly(error)
    throw new HubError(
      { ...error.problem, fix: `${error.problem.fix ?? ''}${await folderFix(context)}` },
      { cause: error },
    )
  }
}

/** Advice for a mistyped folder, because a model's name can be a folder or a repository. */
async function folderFix({ repo, type }: Context): Promise<string> {
  if (type !== 'model') return ''
  if (!hasFiles()) return ` If a folder beside the page is meant: its address is "./${repo}".`
  return ` If a folder is meant: there is no "${repo}" here. ${await neighbours(repo)}`
}

async function requestRevision(
  context: Context,
  url: string,
  expected?: string,
): Promise<{ commit: string; names: string[] }> {
  const json = await requestJson(context, url)
  const { sha, siblings } = (json ?? {}) as { sha?: unknown; siblings?: unknown }
  const names = Array.isArray(siblings) ? siblings.map((file: { rfilename?: unknown } | null) => file?.rfilename) : []
  const isValid = typeof sha === 'string' && commitId.test(sha) && (expected === undefined || sha === expected)
  if (!isValid || !Array.isArray(siblings) || !names.every((name) => typeof name === 'string'))
    throw new HubError({
      where: url,
      what: 'the answer names no commit and its files',
      expected: `sha${expected ? ` ${expected}` : ''}, siblings`,
      found: JSON.stringify(sha) ?? 'none',
    })
  return { commit: sha, names: names as string[] }
}

async function requestJson(context: Context, url: string, init: RequestInit = {}): Promise<unknown> {
  const response = await request(url, init, context)
  if (response.ok) return jsonOf(response, url)
  await response.body?.cancel()
  throw refusedBy(context, url)(response.status)
}

const refusedBy =
  ({ endpoint, repo, hasToken }: Context, url: string) =>
  (status: number) =>
    refused(status, { url, page: `${endpoint}/${repo}`, hasToken })

async function fetchFile(
  context: Context,
  { commit, list, hubError }: Snapshot,
  { path, optional }: WantedFile,
): Promise<boolean> {
  const { repo, type, endpoint, isOffline, store } = context
  if (!isFileName(path))
    throw new HubError({ where: `${repo}, file ${JSON.stringify(path)}`, what: 'not the name of a file' })
  const folder = type === 'model' ? repo : `${type}s/${repo}`
  const where = `${endpoint}/${folder}/resolve/${commit}/${encodedPath(path)}`
  const found = await store.find(commit, path)
  if (found && found !== 'absent') return true
  if (optional && (found === 'absent' || (hubError && isOffline))) return false
  if (hubError)
    throw new HubError(
      { ...hubError.problem, where, what: `the file is not in the cache, and ${hubError.problem.what}` },
      { cause: hubError },
    )
  const names = await list()
  if (!names.includes(path)) {
    if (!optional) refuseMissing(path, names, { where, repo })
    await store.markAbsent(commit, path)
    return false
  }
  const key = await requestKey(context, commit, path)
  const onBytes = (loaded: number) => context.onProgress?.({ file: path, loaded, total: key.size })
  await download(store, key, { ...context, url: where, onBytes, refuse: refusedBy(context, where) })
  await store.link(commit, path, key)
  return true
}

/** The size and the id of a file. @throws {HubError} for an answer with another form. */
async function requestKey(context: Context, commit: string, path: string): Promise<CheckedKey> {
  const { endpoint, type, repo } = context
  const url = `${endpoint}/api/${type}s/${repo}/paths-info/${commit}`
  const answer = await requestJson(context, url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ paths: [path] }),
  })
  const info = (Array.isArray(answer) ? answer : []).find((entry: { path?: unknown } | null) => entry?.path === path)
  const { oid, size, lfs } = (info ?? {}) as { oid?: unknown; size?: unknown; lfs?: { oid?: unknown; size?: unknown } }
  const key = lfs
    ? { id: lfs.oid, size: lfs.size ?? size, check: 'sha256' as const, form: /^[0-9a-f]{64}$/ }
    : { id: oid, size, check: 'git' as const, form: /^[0-9a-f]{40}$/ }
  if (
    typeof key.id === 'string' &&
    key.form.test(key.id) &&
    Number.isSafeInteger(key.size) &&
    (key.size as number) >= 0
  )
    return { id: key.id, size: key.size as number, check: key.check }
  throw new HubError({
    where: url,
    what: `the answer does not say what ${JSON.stringify(path)} is`,
    expected: lfs ? 'lfs: a SHA-256 and a size' : "git's id of 40 hexadecimal digits, and a size",
    found: JSON.stringify(info)?.slice(0, 200) ?? 'no such entry',
  })
}

function refuseMissing(
  path: string,
  names: readonly string[],
  { where, repo }: { where: string; repo: string },
): never {
  const sameType = names.filter((name) => name.endsWith(path.slice(path.lastIndexOf('.'))))
  const shown = [...new Set([...sameType, ...names])].slice(0, 20).join(', ')
  const fix = pickleFix(path, names, { repo }) ?? `The repository has ${shown || 'no files'}.`
  throw new HubError({ where, what: 'the repository has no such file', fix })
}
