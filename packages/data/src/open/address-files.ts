// A folder at an address as files: each is downloaded once, kept, and asked for again only where it has changed.

import { HubError } from '../errors.ts'
import { checkFileName } from '../files/file-name.ts'
import type { Files, WantedFile } from '../files/files.ts'
import { sha256 } from '../files/hash.ts'
import { offline, UnreachableError } from '../hub/hub-errors.ts'
import type { HubOptions } from '../hub/hub-options.ts'
import { openStore } from '../hub/open-store.ts'
import { encodedPath, isHtml, request, requestContext, type RequestContext } from '../hub/request.ts'
import { addressFolder, isOffline } from '../hub/settings.ts'
import type { Store } from '../hub/store.ts'
import { fill, validatorOf } from './address-download.ts'

/** In place of a commit: an address has one state, the last that was downloaded. */
const current = 'current'

interface Context extends RequestContext {
  store: Store
  isOffline: boolean
  onProgress: HubOptions['onProgress']
}

/** The files at an address, of which `fetch` downloads those that are wanted. @param address Of a folder. */
export async function addressFiles(address: URL, options: HubOptions = {}): Promise<Files> {
  const folder = new URL(address)
  if (!folder.pathname.endsWith('/')) folder.pathname += '/'
  const { search } = folder
  const store = await openStore(`${folder.hostname}--${sha256([folder.href]).slice(0, 16)}`, options, addressFolder)
  const context: Context = {
    ...requestContext(options),
    store,
    isOffline: options.offline ?? isOffline(),
    onProgress: options.onProgress,
  }
  const files = store.files(current)
  /** Why files that may be absent are. */
  const refusals = new Map<string, HubError>()
  const requireFile = (name: string): void => {
    const refusal = refusals.get(name)
    if (refusal) throw refusal
  }
  return {
    ...files,
    size(name) {
      requireFile(name)
      return files.size(name)
    },
    read(name, begin, end) {
      requireFile(name)
      return files.read(name, begin, end)
    },
    where: folder.href.slice(0, folder.href.length - search.length),
    async fetch(wanted) {
      for (const file of wanted) {
        checkFileName(file.path, folder.href)
        // What stands behind a question mark, such as a token, goes with each file.
        const url = new URL(encodedPath(file.path).replaceAll('%252F', '%2F'), folder)
        url.search = search
        const refusal = await fetchFile(context, url.href, file)
        if (refusal) refusals.set(file.path, refusal)
        else refusals.delete(file.path)
      }
      await files.fetch?.(wanted)
    },
  }
}

/** @returns Why an optional file is not there. */
async function fetchFile(context: Context, url: string, { path, optional }: WantedFile): Promise<HubError | undefined> {
  const { store } = context
  const kept = await store.find(current, path)
  const isKept = kept !== undefined && kept !== 'absent'
  if (context.isOffline) {
    if (!isKept && !optional) throw offline(url)
    return undefined
  }
  try {
    const response = await request(url, {}, context)
    const problem = problemOf(response, url)
    if (problem) {
      await response.body?.cancel()
      const refusal = new HubError({ where: url, ...problem.problem, fix: problem.problem.fix + workerFix() })
      if (!optional || !problem.isAbsent) throw refusal
      return refusal
    }
    const validator = validatorOf(response)
    const id = sha256([url, validator ?? ''])
    if (isKept && validator !== undefined && kept.id === id) {
      await response.body?.cancel()
      return undefined
    }
    const onBytes = (loaded: number, total: number | undefined) => context.onProgress?.({ file: path, loaded, total })
    const checkStart = (chunk: Uint8Array) => refusePage(chunk, url)
    await store.write({ id }, (partial) => fill(partial, response, { context, url, checkStart, onBytes }))
    await store.link(current, path, { id })
  } catch (error) {
    context.signal?.throwIfAborted()
    if (error instanceof PageError && optional) return error
    // Without a network there is what was downloaded before.
    if (!(error instanceof UnreachableError) || !isKept) throw error
  }
  return undefined
}

interface Problem {
  /** Whether the server has no such file. */
  isAbsent: boolean
  problem: { what: string; expected?: string; found?: string; fix: string }
}

function problemOf({ ok, status, headers }: Response, url: string): Problem | undefined {
  if (status === 404 || status === 410)
    return {
      isAbsent: true,
      problem: {
        what: 'no such file',
        found: `status ${status}`,
        fix: 'The address is that of the folder of the file.',
      },
    }
  if (!ok)
    return {
      isAbsent: false,
      problem: { what: 'the server refused', found: `status ${status}`, fix: 'Check the address, or try again later.' },
    }
  return headers.get('content-type')?.startsWith('text/html') && !/\.html?$/.test(new URL(url).pathname)
    ? { isAbsent: true, problem: page }
    : undefined
}

/** Servers of apps answer with their page where they have no file. */
const page = {
  what: 'an HTML page in place of the file',
  fix: 'The server has no such file: check the address, and that the file was uploaded.',
}

/** A worker does not know the address of its page. */
const workerFix = (): string =>
  globalThis.location && !globalThis.document
    ? ' In a worker, paths begin where its script is: give new URL(path, document.baseURI).href, made in the page.'
    : ''

class PageError extends HubError {}

function refusePage(chunk: Uint8Array, url: string): void {
  if (/\.html?$/.test(new URL(url).pathname) || !isHtml(new TextDecoder().decode(chunk.subarray(0, 200)))) return
  throw new PageError({ where: url, ...page, fix: page.fix + workerFix() })
}
