// Starts the wasm of a browser's runtime: its files, its threads, and what is said when that is not possible.

import { DeviceError } from '../errors.ts'
import { browserThreads, fixRuntimeSettings, wantedThreads } from './runtime-options.ts'
import { fetchWasm, filesFix, type WasmBuild, wasmCandidates } from './wasm-files.ts'

/** The settings that onnxruntime-web reads when its first session is created. */
export interface WasmEnvironment {
  wasmPaths?: unknown
  wasmBinary?: ArrayBufferLike | Uint8Array
  numThreads?: number
  initTimeout?: number
}

/** Milliseconds for the start of the wasm and its threads, after its download. */
const startLimit = 60_000

/** Fetches the wasm and sets how it starts. @throws {DeviceError} when it is not where it is looked for. */
export async function prepareWasm(build: WasmBuild, wasm: WasmEnvironment): Promise<void> {
  const { wasmPaths: folder } = fixRuntimeSettings()
  const { bundledFiles, moduleAddress, resolveModule } = await import('#bundled-files')
  const { files, binary } = await fetchWasm(
    wasmCandidates(build, {
      folder,
      bundled: bundledFiles[build],
      module: moduleAddress,
      resolve: resolveModule,
    }),
  )
  wasm.wasmPaths = files
  wasm.wasmBinary = binary
  wasm.numThreads = browserThreads()
  if (wasm.numThreads < wantedThreads()) reason = globalThis.crossOriginIsolated ? noBuffers : notIsolated
  wasm.initTimeout = startLimit
}

const noBuffers = 'This browser has no SharedArrayBuffer, so that the runtime computes on one thread.'
const notIsolated =
  'The page is not cross-origin isolated, so that the runtime computes on one thread. Serve the page and its ' +
  'scripts with "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp".'

/** Why the runtime has one thread, where it has. */
let reason: string | undefined
let isTold = false

/** Whether nobody has been told: why there is one thread is said once in a page, whichever of its workers says it. */
export function isNews(message: string): boolean {
  if (message !== noBuffers && message !== notIsolated) return true
  const isFirst = !isTold
  isTold = true
  return isFirst
}

/** Hands over the warning about the runtime, unless somebody has been told. */
export function reportRuntimeWarnings(onWarning: ((message: string) => void) | undefined): void {
  if (onWarning && reason && isNews(reason)) onWarning(reason)
}

/** Errors of a browser's runtime that is loaded and does not start. */
export function refuseStart(cause: Error): never {
  const script = /dynamically imported module|importing a module script|error loading dynamically/i.test(cause.message)
  const timeout = /initializing failed due to timeout/.test(cause.message)
  if (!script && !timeout) throw cause
  throw new DeviceError(
    {
      where: 'onnxruntime-web',
      what: script ? "the runtime's script could not be loaded" : "the runtime's threads did not start",
      found: cause.message,
      fix: script
        ? filesFix
        : `Allow its workers (Content-Security-Policy: worker-src 'self'), or configureRuntime({ numThreads: 1 }).`,
    },
    { cause },
  )
}
