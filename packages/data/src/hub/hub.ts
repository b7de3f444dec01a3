// Files of a repository on a Hugging Face hub, kept where Python's huggingface_hub keeps them.

import { checkOptions, oneOf } from '@cola/graph/options'
import type { Files, WantedFile } from '../files/files.ts'
import { hubChecks, type HubOptions } from './hub-options.ts'
import { openRepository, type RepoType, repoTypes } from './repository.ts'

/**
 * In Node: paths in the cache of files of one commit of a repository; missing files are downloaded, and checked against
 * the hash that the hub names.
 * A branch is resolved to its commit once; if the hub is unreachable, its last known commit is used. With
 * HF_HUB_OFFLINE=1 there are no requests.
 * @returns The path of each file, in order; undefined for an optional file that the repository does not have.
 * @throws {HubError} naming the URL: unreachable, timeout, refused, offline, an answer that is not valid, a file that
 * does not exist, is a git-lfs pointer or has other bytes than the hub names.
 * @throws {ConfigError} for an option that is unknown or out of its range.
 */
export async function hubFiles(
  repo: string,
  files: readonly WantedFile[],
  options: HubOptions & { type?: RepoType } = {},
): Promise<(string | undefined)[]> {
  checkOptions('hubFiles', options, { type: oneOf(repoTypes), ...hubChecks })
  const repository = await openRepository(repo, options)
  const paths: (string | undefined)[] = []
  for (const file of files) paths.push((await repository.fetch(file)) ? repository.files.path?.(file.path) : undefined)
  return paths
}

/** A repository as files, of which `fetch` downloads those that are wanted. @throws {HubError} as {@link hubFiles}. */
export async function repositoryFiles(name: string, options: HubOptions & { type?: RepoType } = {}): Promise<Files> {
  const { files, fetch } = await openRepository(name, options)
  return {
    ...files,
    where: name,
    async fetch(wanted) {
      for (const file of wanted) await fetch(file)
      await files.fetch?.(wanted)
    },
  }
}
