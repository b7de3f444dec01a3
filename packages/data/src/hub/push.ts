// Uploads to the Hugging Face hub. The only importer of @huggingface/hub.

import { requireKind } from '@cola/graph/door'
import { type Checks, checkOptions, flag, object, requireOptions, text } from '@cola/graph/options'
import { HubError } from '../errors.ts'
import { withTimeout, withToken } from './fetch.ts'
import { offline, unreachable } from './hub-errors.ts'
import { accessChecks, hubChecks, type HubOptions } from './hub-options.ts'
import { endpointOf, type HubAccess, isOffline, storedToken } from './settings.ts'

/** Options of an upload to the hub. */
export interface PushOptions extends HubAccess, Pick<HubOptions, 'timeout' | 'fetch'> {
  /** Files by their paths in the repository. */
  files: Readonly<Record<string, Uint8Array>>
  /** @default 'Upload with @cola' */
  message?: string
  /** Visibility of a repository that is created. @default false */
  private?: boolean
}

/** Checks of {@link PushOptions}. */
export const pushChecks: Checks<PushOptions> = {
  ...accessChecks,
  files: object,
  message: text,
  private: flag,
  timeout: hubChecks.timeout,
  fetch: hubChecks.fetch,
}

/**
 * Uploads files to a model repository as one commit; creates the repository if it does not exist.
 * @returns The SHA of the commit.
 * @throws {HubError} naming the URL: no token, refused, unreachable, offline.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export async function pushToHub(repo: string, options: PushOptions): Promise<string> {
  requireKind('pushToHub, repo', repo, 'text')
  checkOptions('pushToHub', options, pushChecks)
  requireOptions('pushToHub', options, pushChecks, ['files'])
  const { files, message = 'Upload with @cola' } = options
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
