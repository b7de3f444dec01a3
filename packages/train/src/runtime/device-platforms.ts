// Where devices are, and what they need there. Loaded by `auto`, and where a device is not available.

import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import type { ResolvedDevice } from './devices.ts'
import { installNode } from './ort.ts'

interface PlatformRow {
  /** Where `auto` tries the device. */
  readonly platforms: readonly ('node' | 'browser')[]
  /** What to do when the device is not available there. */
  readonly fix: string
}

const rows: Readonly<Record<ResolvedDevice, PlatformRow>> = {
  cuda: {
    platforms: ['node'],
    fix:
      'CUDA needs Linux x64, an NVIDIA driver, CUDA 12 or 13 with cuDNN 9, and onnxruntime-node installed with its ' +
      'download allowed (README, "CUDA").',
  },
  webgpu: {
    platforms: ['node', 'browser'],
    fix: 'WebGPU needs a GPU adapter: a recent driver in Node, a browser with WebGPU enabled otherwise.',
  },
  cpu: { platforms: ['node'], fix: `Install onnxruntime-node: ${installNode}` },
  wasm: { platforms: ['browser'], fix: 'Install onnxruntime-web: npm install onnxruntime-web' },
}

/** What to do when a device is not available. */
export const fixOf = (device: ResolvedDevice): string => rows[device].fix

/** Whether a device is one of the platform that this runs on. */
export const isHere = (device: ResolvedDevice): boolean =>
  rows[device].platforms.includes(hasFiles() ? 'node' : 'browser')

/** The error for a device of the other platform, which nothing that is installed brings. */
export function elsewhere(device: ResolvedDevice, cause: Error): DeviceError {
  const place = hasFiles() ? 'Node' : 'a page'
  const fix = hasFiles() ? 'Use "cpu", "webgpu" or "cuda".' : 'Use "webgpu" or "wasm".'
  return new DeviceError({ where: `device "${device}"`, what: `${place} has no such device`, fix }, { cause })
}
