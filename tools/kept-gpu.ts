// The software GPU of a test file stays open from its first test to its last.

import { afterAll, beforeAll } from 'vitest'
import { keepDevice } from './kept-device.ts'

/** Keeps the device for a test file or a `describe`; does nothing without a software GPU. */
export function keepGpu(): void {
  if (process.env.VK_ICD_FILENAMES === undefined) return
  let release = async () => {}
  beforeAll(async () => {
    release = await keepDevice()
  })
  afterAll(() => release())
}
