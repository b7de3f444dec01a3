// A file that was made here goes to a person's downloads.

import { el } from './dom.ts'
import { bytesText } from './words.ts'

/** @returns What to say of it. */
export function saveFile({ name, blob }: { name: string; blob: Blob }): string {
  const url = URL.createObjectURL(blob)
  el('a', { href: url, download: name }).click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
  return `${name}, ${bytesText(blob.size)}, is in your downloads.`
}
