// Options of the runtime, which hold for all sessions of this thread.

import { ConfigError } from '../errors.ts'
import { type Check, checkOptions, type Checks, whole } from '@cola/graph/options'
import { folderAddress } from './wasm-files.ts'

/** Where the runtime comes from, and how many threads it has. */
export interface RuntimeOptions {
  /**
   * Browsers: the folder with the runtime's files (`ort-wasm-simd-threaded*.mjs` and `.wasm` of onnxruntime-web/dist),
   * as an address, absolute or relative to the page. @default where the bundler put them, else beside the bundle
   */
  wasmPaths?: string | URL
  /**
   * Threads that compute. In a browser more than one needs a page that is cross-origin isolated. @default Node: all
   * cores; browsers: half of the logical cores, from 2 (where there are two) to 4; one without isolation
   */
  numThreads?: number
}

const address: Check = [
  "a folder's address",
  (value) => value instanceof URL || (typeof value === 'string' && value !== ''),
]
const checks: Checks<RuntimeOptions> = { wasmPaths: address, numThreads: whole(1) }

/** As they are read: `wasmPaths` is absolute, so that a worker reads it as the page does. */
export interface RuntimeSettings {
  wasmPaths?: string
  numThreads?: number
}

const settings: RuntimeSettings = {}
let isLoaded = false

/** The settings. */
export const runtimeSettings = (): Readonly<RuntimeSettings> => settings

/** Takes over the settings of the thread that started this one. */
export const setRuntimeSettings = (others: Readonly<RuntimeSettings>): void => void Object.assign(settings, others)

/** Threads that a browser's runtime would take in a page that is cross-origin isolated. */
export function wantedThreads(): number {
  const cores = globalThis.navigator?.hardwareConcurrency ?? 1
  return settings.numThreads ?? Math.min(4, Math.max(Math.min(2, cores), Math.ceil(cores / 2)))
}

/** Threads with which the runtime computes on `wasm` in this browser's page: see {@link RuntimeOptions.numThreads}. */
export const browserThreads = (): number => (globalThis.crossOriginIsolated && sharesMemory() ? wantedThreads() : 1)

/** WebKitGTK has isolated pages, and no memory that threads share. */
const sharesMemory = (): boolean => typeof SharedArrayBuffer === 'function'

/** The settings when the runtime of a browser is loaded: from now on they cannot change. */
export function fixRuntimeSettings(): Readonly<RuntimeSettings> {
  isLoaded = true
  return settings
}

/**
 * Sets options of the runtime, for hosts that serve its files from elsewhere or limit its threads. Call it before the
 * first session; options that are not named keep their values. `createTrainingWorker` passes them to its worker.
 * @throws {ConfigError} for an option that is unknown or not valid, or after a browser has loaded the runtime.
 */
export function configureRuntime(options: RuntimeOptions): void {
  checkOptions('configureRuntime', options, checks)
  if (isLoaded)
    throw new ConfigError({
      where: 'configureRuntime',
      what: 'the runtime is already loaded',
      fix: 'Call it before the first model is opened.',
    })
  const { wasmPaths, numThreads } = options
  if (wasmPaths !== undefined) settings.wasmPaths = folderAddress(String(wasmPaths), globalThis.location?.href)
  if (numThreads !== undefined) settings.numThreads = numThreads
}
