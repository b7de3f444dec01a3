// Downloads from and uploads to the Hugging Face hub, with the cache of Python's huggingface_hub. The only importer of
// @huggingface/hub.

import { HubError } from '../errors.ts'
import type { WantedFile } from '../files/files.ts'
import { withTimeout, withToken } from './fetch.ts'
import { isRepoName, neighbours } from './folder-or-repo.ts'
import { lfsPointer, longestPointer } from '../files/lfs-pointer.ts'
import { pickleFix } from './pickle-fix.ts'
import { offline, refused, unreachable } from './hub-errors.ts'
import { cacheFolder, endpointOf, type HubAccess, isOffline, readToken, storedToken } from './settings.ts'

/** How the hub is reached: endpoint, token, revision, cache, timeout. */
export interface HubOptions extends HubAccess {
  /** Branch, tag or commit. @default 'main' */
  revision?: string
  /** @default HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub */
  cacheDir?: string
  /** Longest wait for a response, and for the next bytes of a file, in milliseconds. @default 30000 */
  timeout?: number
  /** @default globalThis.fetch */
  fetch?: typeof fetch
}

/** Kinds of repositories on the hub. */
export type RepoType = 'model' | 'dataset'

/** A repository at a commit, from the hub or from the cache alone. */
interface Snapshot {
  repo: string
  type: RepoType
  endpoint: string
  hasToken: boolean
  /** With token and timeout. */
  fetch: typeof fetch
  cacheDir: string
  /** The commit. */
  sha: string
  /** Why the hub cannot be used: only files of the cache are available. */
  hubError?: HubError
  /** Lists the repository's files. */
  list: () => Promise<readonly string[]>
}

const commit = /^[0-9a-f]{40}$/

/**
 * Paths in the cache of files of one commit of a repository; missing files are downloaded.
 * A branch is resolved to its commit once; if the hub is unreachable, its last known commit is used. With
 * HF_HUB_OFFLINE=1 there are no requests.
 * @returns The path of each file, in order; undefined for an optional file that the repository does not have.
 * @throws {HubError} naming the URL: unreachable, timeout, refused, offline, an invalid response, a file that does not
 * exist or is a git-lfs pointer.
 */
export async function hubFiles(
  repo: string,
  files: readonly WantedFile[],
  { type = 'model', ...options }: HubOptions & { type?: RepoType } = {},
): Promise<(string | undefined)[]> {
  if (!isRepoName(repo))
    throw new HubError({
      where: JSON.stringify(repo),
      what: 'not the name of a repository',
      expected: 'owner/name, of letters, digits, "-", "_" and "."',
    })
  const snapshot = await openSnapshot(repo, type, options)
  const paths: (string | undefined)[] = []
  for (const file of files) paths.push(await fileOf(snapshot, file))
  return paths
}

async function fileOf(snapshot: Snapshot, { path, optional }: WantedFile): Promise<string | undefined> {
  const { stat } = await import('node:fs/promises')
  const { join } = await import('node:path')
  const { repo, sha, hubError } = snapshot
  const cached = join(repoFolder(snapshot), 'snapshots', sha, path)
  if (await stat(cached).catch(() => undefined)) return cached
  if (hubError && optional) return undefined
  const where = `${snapshot.endpoint}/${repo}/resolve/${sha}/${path}`
  if (hubError)
    throw new HubError(
      { ...hubError.problem, where, what: `the file is not in the cache, and ${hubError.problem.what}` },
      { cause: hubError },
    )
  const names = await snapshot.list()
  if (names.includes(path)) return download(snapshot, path, where)
  if (optional) return undefined
  const sameType = names.filter((name) => name.endsWith(path.slice(path.lastIndexOf('.'))))
  const shown = [...new Set([...sameType, ...names])].slice(0, 20).join(', ')
  const fix = pickleFix(path, names, { repo }) ?? `The repository has ${shown || 'no files'}.`
  throw new HubError({ where, what: 'the repository has no such file', fix })
}

async function download(
  { repo, type, endpoint, fetch, cacheDir, sha }: Snapshot,
  path: string,
  where: string,
): Promise<string> {
  const { downloadFileToCacheDir } = await import('@huggingface/hub')
  const options = { repo: { type, name: repo }, path, revision: sha, hubUrl: endpoint, cacheDir, fetch }
  const file = await silently(() => downloadFileToCacheDir(options)).catch((cause) => {
    throw unreachable(where, cause)
  })
  await refusePointer(file, where)
  return file
}

let downloads = 0
let { debug } = console

/**
 * Runs `work` with console.debug disabled, on which @huggingface/hub prints each download; the last of several
 * concurrent calls restores it.
 */
async function silently<Result>(work: () => Promise<Result>): Promise<Result> {
  if (downloads++ === 0) {
    debug = console.debug
    console.debug = () => undefined
  }
  try {
    return await work()
  } finally {
    if (--downloads === 0) console.debug = debug
  }
}

/**
 * Refuses a file that is a git-lfs pointer and removes it from the cache, so that a later request downloads it again.
 */
async function refusePointer(file: string, where: string): Promise<void> {
  const { readFile, realpath, rm, stat } = await import('node:fs/promises')
  if ((await stat(file)).size > longestPointer) return
  const problem = lfsPointer(await readFile(file), where)
  if (!problem) return
  await rm(await realpath(file))
  await rm(file, { force: true })
  throw new HubError({
    ...problem,
    fix: 'The repository at this endpoint holds the pointer only: upload the file there.',
  })
}

/** Options of an upload to the hub. */
export interface PushOptions extends HubAccess, Pick<HubOptions, 'timeout' | 'fetch'> {
  /** Files by their paths in the repository. */
  files: Readonly<Record<string, Uint8Array>>
  /** @default 'Upload with @cola' */
  message?: string
  /** Visibility of a repository that is created. @default false */
  private?: boolean
}

/**
 * Uploads files to a model repository as one commit; creates the repository if it does not exist.
 * @returns The SHA of the commit.
 * @throws {HubError} naming the URL: no token, refused, unreachable, offline.
 */
export async function pushToHub(
  repo: string,
  { files, message = 'Upload with @cola', ...options }: PushOptions,
): Promise<string> {
  const endpoint = endpointOf(options.endpoint)
  const where = `${endpoint}/${repo}`
  if (isOffline()) throw offline(where)
  const token = options.token ?? (await storedToken())
  if (!token)
    throw new HubError({
      where,
      what: 'no token to write with',
      expected: 'HF_TOKEN, or a login',
      fix: 'Run "hf auth login", or make a token that may write at huggingface.co/settings/tokens.',
    })
  const { createRepo, uploadFiles } = await import('@huggingface/hub')
  const common = {
    repo: { type: 'model' as const, name: repo },
    hubUrl: endpoint,
    // The library accepts only tokens of this form; fetch sends the real one, which may have another form if
    // HF_ENDPOINT is another hub.
    accessToken: 'hf_' as const,
    fetch: withToken(withTimeout(options.fetch ?? fetch, options.timeout ?? 300_000), endpoint, token),
  }
  try {
    await createRepo({ ...common, visibility: options.private ? 'private' : 'public' }).catch(
      (error: { statusCode?: number }) => {
        if (error.statusCode !== 409) throw error // 409: the repository exists.
      },
    )
    const list = Object.entries(files).map(([path, bytes]) => ({
      path,
      content: new Blob([bytes as Uint8Array<ArrayBuffer>]),
    }))
    const result = await uploadFiles({ ...common, files: list, commitTitle: message, useXet: false })
    return result?.commit.oid ?? ''
  } catch (error) {
    throw unreachable(where, error)
  }
}

const repoFolder = ({ cacheDir, type, repo }: Pick<Snapshot, 'cacheDir' | 'type' | 'repo'>): string =>
  `${cacheDir}/${type}s--${repo.replaceAll('/', '--')}`

/** Resolves a revision to a commit; the list of its files is requested when one is not in the cache. */
async function openSnapshot(repo: string, type: RepoType, options: HubOptions): Promise<Snapshot> {
  const { join, dirname } = await import('node:path')
  const { mkdir, readFile, writeFile } = await import('node:fs/promises')
  const revision = options.revision ?? 'main'
  const endpoint = endpointOf(options.endpoint)
  const token = await readToken(options.token)
  const common = {
    repo,
    type,
    endpoint,
    hasToken: token !== undefined,
    fetch: withToken(withTimeout(options.fetch ?? fetch, options.timeout ?? 30_000), endpoint, token),
    cacheDir: options.cacheDir ?? (await cacheFolder()),
  }
  const url = `${endpoint}/api/${type}s/${repo}/revision/${encodeURIComponent(revision)}`
  const request = () => requestRevision(common, url)
  const cacheOnly = (sha: string, hubError: HubError): Snapshot => ({
    ...common,
    sha,
    hubError,
    list: async () => [],
  })
  const ref = join(repoFolder(common), 'refs', revision)
  const known = commit.test(revision) ? revision : (await readFile(ref, 'utf8').catch(() => '')).trim()
  if (isOffline()) {
    if (!commit.test(known)) throw offline(url, await folderFix(repo, type))
    return cacheOnly(known, offline(url))
  }
  if (known === revision) {
    let names: readonly string[] | undefined
    const list = async () => {
      names ??= (await request()).names
      return names
    }
    return { ...common, sha: revision, list }
  }
  try {
    const { sha, names } = await request()
    await mkdir(dirname(ref), { recursive: true })
    await writeFile(ref, sha)
    return { ...common, sha, list: async () => names }
  } catch (error) {
    const hubError = error instanceof HubError ? error : unreachable(url, error)
    if (commit.test(known)) return cacheOnly(known, hubError)
    throw new HubError(
      { ...hubError.problem, fix: `${hubError.problem.fix ?? ''}${await folderFix(repo, type)}` },
      { cause: hubError },
    )
  }
}

/** Advice for a mistyped folder, because a model's name can be a folder or a repository. */
const folderFix = async (repo: string, type: RepoType): Promise<string> =>
  type === 'model' ? ` If a folder is meant: there is no "${repo}" here. ${await neighbours(repo)}` : ''

async function requestRevision(
  { repo, endpoint, hasToken, fetch }: Pick<Snapshot, 'repo' | 'endpoint' | 'hasToken' | 'fetch'>,
  url: string,
): Promise<{ sha: string; names: string[] }> {
  const response = await fetch(url)
  if (!response.ok) throw refused(response.status, { url, page: `${endpoint}/${repo}`, hasToken })
  const { sha, siblings } = (await parseJson(response, url)) as { sha?: unknown; siblings?: { rfilename: string }[] }
  if (typeof sha !== 'string' || !commit.test(sha) || !Array.isArray(siblings))
    throw new HubError({
      where: url,
      what: 'the answer names no commit and its files',
      expected: 'sha, siblings',
      found: JSON.stringify(sha),
    })
  return { sha, names: siblings.map(({ rfilename }) => rfilename) }
}

async function parseJson(response: Response, url: string): Promise<unknown> {
  const text = await response.text()
  try {
    return JSON.parse(text)
  } catch {
    throw new HubError({
      where: url,
      what: 'the answer is not JSON',
      found: text.trimStart().startsWith('<') ? 'an HTML page' : text.slice(0, 60),
      fix: 'A proxy or a login page answers in place of the hub: check HF_ENDPOINT.',
    })
  }
}
