// Recognises that the wasm of a browser's runtime has broken down: onnxruntime-web writes a large input to address 0 where
// it finds no memory for it, and nothing works any more.

import { DeviceError } from '../errors.ts'
import type { ResolvedDevice } from './devices.ts'

/** The typed error of a runtime that has broken down; undefined for errors that it tells itself. */
export function brokenRuntime(device: ResolvedDevice, cause: unknown): DeviceError | undefined {
  const isBroken = cause instanceof WebAssembly.RuntimeError || /is not a function$/.test(String(cause))
  if (!isBroken) return undefined
  return new DeviceError(
    {
      where: `device "${device}"`,
      what: 'the runtime has broken down, probably for lack of memory',
      found: (cause as Error).message,
      fix: 'Load the page anew, or start another worker, with a smaller model or smaller batches.',
    },
    { cause },
  )
}
