// Files by the path of their folder, the name of their repository, or an address.

import type { Files } from '../files/files.ts'
import { folderFiles } from '../files/folder.ts'
import { isFolder } from '../hub/folder-or-repo.ts'
import { repositoryFiles } from '../hub/hub.ts'
import type { HubOptions } from '../hub/hub-options.ts'
import { endpointOf } from '../hub/settings.ts'
import { addressFiles } from './address-files.ts'
import { addressOf, decoded } from './address-of.ts'
import { pathOf } from './path-of.ts'

/** Opens a folder that exists, by its path or its `file:` URL; another name is that of a repository. */
export async function namedFiles(given: string | URL, options: HubOptions): Promise<Files> {
  const source = pathOf(given)
  const address = addressOf(source)
  if (address) return filesAt(address, options)
  const name = source as string
  return (await isFolder(name)) ? folderFiles(name) : repositoryFiles(name, options)
}

/** The page of a repository on the hub stands for the repository. */
function filesAt(address: URL, options: HubOptions): Promise<Files> {
  const [, repo, revision] = /^\/([^/]+\/[^/]+)(?:\/tree\/(.+?))?\/?$/.exec(address.pathname) ?? []
  if (address.origin !== new URL(endpointOf(options.endpoint)).origin || repo === undefined)
    return addressFiles(address, options)
  return repositoryFiles(repo, { ...options, ...(revision ? { revision: decoded(revision) } : {}) })
}
