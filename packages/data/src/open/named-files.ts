// Files by the path of their folder, the name of their repository, or an address.

import type { Files } from '../files/files.ts'
import { folderFiles } from '../files/folder.ts'
import { isFolder } from '../hub/folder-or-repo.ts'
import { repositoryFiles } from '../hub/hub.ts'
import type { HubOptions } from '../hub/hub-options.ts'
import { endpointOf } from '../hub/settings.ts'
import { addressFiles } from './address-files.ts'
import { isAddress } from './is-address.ts'

/** Opens a folder that exists; another name is that of a repository. */
export async function namedFiles(source: string | URL, options: HubOptions): Promise<Files> {
  if (source instanceof URL || isAddress(source)) return filesAt(new URL(source), options)
  return (await isFolder(source)) ? folderFiles(source) : repositoryFiles(source, options)
}

/** The page of a repository on the hub stands for the repository. */
function filesAt(address: URL, options: HubOptions): Promise<Files> {
  const [, repo, revision] = /^\/([^/]+\/[^/]+)(?:\/tree\/(.+?))?\/?$/.exec(address.pathname) ?? []
  if (address.origin !== new URL(endpointOf(options.endpoint)).origin || repo === undefined)
    return addressFiles(address, options)
  return repositoryFiles(repo, { ...options, ...(revision ? { revision: decodeURIComponent(revision) } : {}) })
}
