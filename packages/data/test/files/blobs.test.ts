// Picked files that a browser does not read.

import { afterEach, expect, it, vi } from 'vitest'
import { blobFiles } from '../../src/files/blobs.ts'

afterEach(() => vi.unstubAllGlobals())

/** What Chromium throws for more than 2 GB, and for a file that was changed. */
class Refusing {
  readAsArrayBuffer(): never {
    throw new Error('The requested file could not be read, typically due to permission problems')
  }
}

/** A file of a size, of which nothing is in memory. */
const files = (size: number) =>
  blobFiles(new Map([['model.onnx', { size, slice: () => new Blob() } as unknown as Blob]]), 'picked')

it('is told to be larger than the browser reads, where it has more than 2 GB', () => {
  vi.stubGlobal('FileReaderSync', Refusing)
  expect(() => files(3 * 2 ** 30).read('model.onnx')).toThrow(
    /picked.model.onnx: the file is larger than this browser reads, expected at most 2 GB, found 3\.0 GB\. .*in 4 bits/,
  )
  expect(() => files(2 ** 20).read('model.onnx')).toThrow(/could not be read, found The requested file/)
})
