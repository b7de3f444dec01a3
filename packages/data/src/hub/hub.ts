// The Hugging Face hub, with a cache that Python's huggingface_hub shares. The only importer of @huggingface/hub.

import { HubError } from '../errors.ts'

export interface HubOptions {
  /** Branch, tag or commit. @default 'main' */
  revision?: string
  /** @default HF_ENDPOINT, or https://huggingface.co */
  endpoint?: string
  /** @default HF_TOKEN */
  token?: string
  /** @default HF_HUB_CACHE, HF_HOME/hub or ~/.cache/huggingface/hub */
  cacheDir?: string
  /** Longest wait for an answer, in milliseconds. @default 30000 */
  timeout?: number
  fetch?: typeof fetch
}

export type RepoType = 'model' | 'dataset'

const commit = /^[0-9a-f]{40}$/

const setting = (name: string): string | undefined => globalThis.process?.env?.[name] || undefined

/** Where the hub is, and what opens it. */
const accessOf = ({ endpoint, token }: Pick<HubOptions, 'endpoint' | 'token'>): { endpoint: string; token: string | undefined } => ({
  endpoint: endpoint ?? setting('HF_ENDPOINT') ?? 'https://huggingface.co',
  token: token ?? setting('HF_TOKEN'),
})

/**
 * Paths in the cache of files of one commit of a repository; what is not there is downloaded.
 * A branch is resolved to its commit once; when the hub cannot be reached, the commit it had last time serves.
 * @returns The path of each file, in order; undefined for an optional one that the repository does not have.
 * @throws {HubError} naming the URL: unreachable, slow, refused, or an answer that is not what was asked for.
 */
export async function hubFiles(
  repo: string,
  files: readonly { path: string; optional?: boolean }[],
  { type = 'model', ...options }: HubOptions & { type?: RepoType } = {},
): Promise<(string | undefined)[]> {
  const { downloadFileToCacheDir, getHFHubCachePath } = await import('@huggingface/hub')
  const cacheDir = options.cacheDir ?? getHFHubCachePath()
  const { endpoint, token } = accessOf(options)
  const timed = withTimeout(options.fetch ?? fetch, options.timeout ?? 30_000)
  const { sha, siblings } = await resolveCommit({ repo, type, revision: options.revision ?? 'main', endpoint, cacheDir, token, fetch: timed })
  const quiet = console.debug
  const paths: (string | undefined)[] = []
  for (const { path, optional } of files) {
    if (optional && siblings && !siblings.includes(path)) {
      paths.push(undefined)
      continue
    }
    console.debug = () => undefined // The library announces downloads; this one does not print.
    try {
      paths.push(
        await downloadFileToCacheDir({
          repo: { type, name: repo },
          path,
          revision: sha,
          hubUrl: endpoint,
          cacheDir,
          fetch: timed,
          ...(token ? { accessToken: token } : {}),
        }),
      )
    } catch (cause) {
      if (optional) paths.push(undefined)
      else throw unreachable(`${endpoint}/${repo}/resolve/${sha}/${path}`, cause, siblings)
    } finally {
      console.debug = quiet
    }
  }
  return paths
}

export interface PushOptions extends Pick<HubOptions, 'endpoint' | 'token' | 'timeout' | 'fetch'> {
  /** Files by their paths in the repository. */
  files: Readonly<Record<string, Uint8Array>>
  /** @default 'Upload with @cola' */
  message?: string
  /** Of a repository that is made. @default false */
  private?: boolean
}

/**
 * Uploads files to a model repository as one commit; the repository is made where there is none.
 * @returns The commit.
 * @throws {HubError} naming the URL: no token, refused, unreachable.
 */
export async function pushToHub(repo: string, { files, message = 'Upload with @cola', ...options }: PushOptions): Promise<string> {
  const { createRepo, uploadFiles } = await import('@huggingface/hub')
  const { endpoint, token } = accessOf(options)
  const where = `${endpoint}/${repo}`
  if (!token)
    throw new HubError({ where, what: 'no token to write with', expected: 'HF_TOKEN', fix: 'Make one that may write, at huggingface.co/settings/tokens.' })
  const common = {
    repo: { type: 'model' as const, name: repo },
    hubUrl: endpoint,
    accessToken: token,
    fetch: withTimeout(options.fetch ?? fetch, options.timeout ?? 300_000),
  }
  try {
    await createRepo({ ...common, visibility: options.private ? 'private' : 'public' }).catch((error: { statusCode?: number }) => {
      if (error.statusCode !== 409) throw error // 409: it is there already.
    })
    const list = Object.entries(files).map(([path, bytes]) => ({ path, content: new Blob([bytes as Uint8Array<ArrayBuffer>]) }))
    const done = await uploadFiles({ ...common, files: list, commitTitle: message, useXet: false })
    return done?.commit.oid ?? ''
  } catch (error) {
    throw unreachable(where, error)
  }
}

interface Resolution {
  repo: string
  type: RepoType
  revision: string
  endpoint: string
  cacheDir: string
  token: string | undefined
  fetch: typeof fetch
}

/** The commit of a revision, and the repository's files where the hub told them. */
async function resolveCommit(resolution: Resolution): Promise<{ sha: string; siblings?: string[] }> {
  const { repo, type, revision, endpoint, cacheDir, token, fetch } = resolution
  if (commit.test(revision)) return { sha: revision }
  const { join, dirname } = await import('node:path')
  const { mkdir, readFile, writeFile } = await import('node:fs/promises')
  const ref = join(cacheDir, `${type}s--${repo.replaceAll('/', '--')}`, 'refs', revision)
  const url = `${endpoint}/api/${type}s/${repo}/revision/${encodeURIComponent(revision)}`
  try {
    const response = await fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {} })
    if (!response.ok)
      throw new HubError({
        where: url,
        what: 'the hub refused',
        found: `status ${response.status}`,
        fix: response.status === 401 || response.status === 403 ? 'Set HF_TOKEN to a token that may read it.' : 'Check the name of the repository.',
      })
    const { sha, siblings } = (await parseJson(response, url)) as { sha?: unknown; siblings?: { rfilename: string }[] }
    if (typeof sha !== 'string' || !commit.test(sha))
      throw new HubError({ where: url, what: 'the answer names no commit', expected: 'sha', found: JSON.stringify(sha) })
    await mkdir(dirname(ref), { recursive: true })
    await writeFile(ref, sha)
    return { sha, ...(siblings ? { siblings: siblings.map(({ rfilename }) => rfilename) } : {}) }
  } catch (error) {
    const known = await readFile(ref, 'utf8').catch(() => undefined)
    if (known && commit.test(known.trim())) return { sha: known.trim() }
    throw error instanceof HubError ? error : unreachable(url, error)
  }
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

function unreachable(url: string, cause: unknown, siblings?: readonly string[]): HubError {
  const message = cause instanceof Error ? `${cause.message}${cause.cause instanceof Error ? ` (${cause.cause.message})` : ''}` : String(cause)
  return new HubError(
    {
      where: url,
      what: 'the file could not be fetched',
      found: message,
      fix: siblings ? `The repository has ${siblings.slice(0, 20).join(', ')}.` : 'Check the network, or give a local folder instead.',
    },
    { cause },
  )
}

function withTimeout(inner: typeof fetch, timeout: number): typeof fetch {
  return (input, init) => inner(input, { ...init, signal: init?.signal ?? AbortSignal.timeout(timeout) })
}
