// The library of an execution provider beside onnxruntime-node's own. A session that asks for one that is not there
// fails all the same, but the runtime prints so from native code.

import { DeviceError } from '../errors.ts'
import { builtin, fileSystem, paths } from '../files/node.ts'
import { fixOf } from './device-platforms.ts'
import type { ResolvedDevice } from './devices.ts'

/** What this file uses of node:module. */
interface Modules {
  createRequire(from: string): { resolve(specifier: string): string }
}

const names: Partial<Record<NodeJS.Platform, (provider: string) => string>> = {
  linux: (provider) => `libonnxruntime_providers_${provider}.so`,
  win32: (provider) => `onnxruntime_providers_${provider}.dll`,
}

/** @throws {DeviceError} for the execution provider of a device without its library. */
export function requireLibrary(provider: string, device: ResolvedDevice): void {
  const missing = missingLibrary(provider)
  if (missing === undefined) return
  throw new DeviceError({
    where: `device "${device}"`,
    what: 'the runtime lacks its library',
    expected: missing,
    fix: fixOf(device),
  })
}

/**
 * Where a provider's library should be and is not. Undefined where it is there, and where the package is laid out in
 * another way: then the runtime says what it lacks.
 */
function missingLibrary(provider: string): string | undefined {
  const { join, dirname } = paths()
  const name = names[process.platform]?.(provider)
  const entry = entryOf('onnxruntime-node')
  if (name === undefined || entry === undefined) return undefined
  const folder = join(dirname(entry), '..', 'bin', 'napi-v6', process.platform, process.arch)
  const library = join(folder, name)
  return fileSystem().existsSync(folder) && !fileSystem().existsSync(library) ? library : undefined
}

/** The file that a package's name stands for; undefined where it cannot be found from here, as in some bundles. */
function entryOf(specifier: string): string | undefined {
  try {
    return builtin<Modules>('node:module')
      .createRequire(import.meta.url)
      .resolve(specifier)
  } catch {
    return undefined
  }
}
