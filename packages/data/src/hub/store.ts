// Where downloads are kept: blobs by their ids, and for each commit of a repository its files. On the disk and in a
// browser it has the layout of Python's huggingface_hub.

import type { Files } from '../files/files.ts'

/** What a blob must be. */
export interface BlobKey {
  /** SHA-256 of a file in git-lfs, or git's id of another; of an address, a hash of its validators. */
  id: string
  /** In bytes; undefined where it is not known before the end. */
  size?: number
  /** Whether `id` is that of the bytes, and of what kind. @default it is not checked */
  check?: 'sha256' | 'git'
}

/** A blob that is being written. It is kept when writing breaks off, and goes on from there. */
export interface PartialBlob {
  /** Bytes that are there. */
  readonly length: number
  /** The bytes that are there. */
  chunks(): AsyncIterable<Uint8Array>
  append(chunk: Uint8Array): Promise<void>
  /** Removes the bytes that are there. */
  clear(): Promise<void>
  /** Makes it the blob of its id, complete. */
  complete(): Promise<void>
  /** Keeps what is there for later. */
  close(): Promise<void>
}

/** The store of one repository. */
export interface Store {
  /** Files of a commit that are stored. */
  files(commit: string): Files
  /** The commit of a branch or tag, as last known. */
  readRef(revision: string): Promise<string | undefined>
  writeRef(revision: string, commit: string): Promise<void>
  /** The id of a file of a commit; 'absent' if the commit is known not to have it; undefined if nothing is known. */
  find(commit: string, path: string): Promise<{ id: string } | 'absent' | undefined>
  markAbsent(commit: string, path: string): Promise<void>
  /** The bytes of a blob that is complete; undefined if there is none. */
  blob(key: BlobKey): Promise<{ size: number; chunks(): AsyncIterable<Uint8Array> } | undefined>
  /** Makes a complete blob a file of a commit. */
  link(commit: string, path: string, key: BlobKey): Promise<void>
  /** Calls `use` with the blob's beginning; in a browser, while no other page writes it. */
  write<Result>(key: BlobKey, use: (partial: PartialBlob) => Promise<Result>): Promise<Result>
}
