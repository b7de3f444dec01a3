// Options of reading a zip, apart from what reads one, which is loaded when it is needed.

import { atLeast, type Check, type Checks } from '@cola/graph/options'

/** Options of reading a zip. */
export interface ZipOptions {
  /** Greatest size of one inflated file, in bytes. @default 2 GiB, and 200 times its compressed size above 64 MiB */
  maxInflated?: number
}

const bytes: Check = [
  'a number of bytes, of at least 0',
  (value) => value === Number.POSITIVE_INFINITY || atLeast(0)[1](value),
]

/** Checks of {@link ZipOptions}. */
export const zipChecks: Checks<ZipOptions> = { maxInflated: bytes }
