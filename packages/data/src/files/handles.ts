// What is used of the handles of lib.dom, which not every project has: a page's handles are of these types.

/** A folder of a browser's storage, or one that a person picked: lib.dom's `FileSystemDirectoryHandle`. */
export interface DirectoryHandle {
  readonly kind: 'directory'
  readonly name: string
  /** A folder in it. */
  getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<DirectoryHandle>
  /** A file in it. */
  getFileHandle(name: string, options?: { create?: boolean }): Promise<FileHandle>
  /** Removes a file or a folder. */
  removeEntry(name: string, options?: { recursive?: boolean }): Promise<void>
}

/** A file of a browser's storage, or one that a person picked: lib.dom's `FileSystemFileHandle`. */
export interface FileHandle {
  readonly kind: 'file'
  readonly name: string
  /** The file as it is now. */
  getFile(): Promise<File>
}

/** Whether something is a file that a person picked: the file, or its handle. */
export const isPicked = (value: unknown): value is Blob | FileHandle =>
  value instanceof Blob || (value as { kind?: unknown } | null | undefined)?.kind === 'file'
