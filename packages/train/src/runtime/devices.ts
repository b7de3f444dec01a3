// The devices, a row each: names, what `auto` takes and in which order, and what is said when one is not there.

import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import { installNode } from './ort.ts'

/** Where a device can be. */
export type Platform = 'node' | 'browser'

export interface DeviceRow {
  /** Execution providers of the runtime. */
  readonly providers: string[]
  /** Where `auto` tries it; rows are tried from the first to the last. */
  readonly platforms: readonly Platform[]
  /** Whether tensors can stay on the device between runs. */
  readonly resident: boolean
  /** Whether it multiplies in eight bits. */
  readonly int8: boolean
  /** Whether it has a kernel for each operator that this library emits; tests hold the others against a table. */
  readonly allKernels: boolean
  /** Runtime optimizers that are switched off. */
  readonly disabledOptimizers?: string
  /** What to do when it is not there. */
  readonly fix: string
}

/**
 * Switched off on processors. The first two join a swap of the last two axes with the transpose before it, into one
 * that has no fast kernel; left alone, the swap costs nothing, because MatmulTransposeFusion gives it to the product
 * that reads it: 4% of a GPT-2 step. The last makes a dropout mask anew for each node that reads it.
 */
const slowOptimizers = 'TransposeOptimizer;TransposeOptimizer_CPUExecutionProvider;EnsureUniqueDQForNodeUnit'

export const devices = {
  cuda: {
    providers: ['cuda'],
    platforms: ['node'],
    resident: false,
    int8: false,
    allKernels: false,
    fix:
      'CUDA needs Linux x64, an NVIDIA driver, CUDA 12 with cuDNN 9, and onnxruntime-node installed with its download ' +
      'allowed (README, "CUDA").',
  },
  webgpu: {
    providers: ['webgpu'],
    platforms: ['node', 'browser'],
    resident: true,
    int8: false,
    allKernels: false,
    fix: 'WebGPU needs a GPU adapter: a recent driver in Node, a browser with WebGPU enabled otherwise.',
  },
  cpu: {
    providers: ['cpu'],
    platforms: ['node'],
    resident: false,
    int8: true,
    allKernels: true,
    disabledOptimizers: slowOptimizers,
    fix: `Install onnxruntime-node: ${installNode}`,
  },
  wasm: {
    providers: ['wasm'],
    platforms: ['browser'],
    resident: false,
    int8: true,
    allKernels: true,
    disabledOptimizers: slowOptimizers,
    fix: 'The wasm device runs in browsers: npm install onnxruntime-web. Use "cpu" in Node.',
  },
} satisfies Record<string, DeviceRow>

/** A device by its name. */
export type ResolvedDevice = keyof typeof devices

/** Where a model runs. `auto`: the first device of the table that works here. */
export type Device = ResolvedDevice | 'auto'

/** The processor, for what is run unasked: a graphics adapter may be there and be slower. */
export const defaultDevice = (): Device => (hasFiles() ? 'cpu' : 'wasm')

/** The devices in the order in which `auto` tries them. */
export const deviceNames = Object.keys(devices) as ResolvedDevice[]

/** A device's row. */
export const deviceRow = (device: ResolvedDevice): DeviceRow => devices[device]

/** What other libraries call devices, and what is meant here. */
const otherNames: Readonly<Record<string, string>> = {
  gpu: '"webgpu", or "cuda" for an NVIDIA GPU on Linux',
  nvidia: '"cuda"',
  mps: '"webgpu"',
  metal: '"webgpu"',
  coreml: '"webgpu"',
  dml: '"webgpu"',
  directml: '"webgpu"',
  webnn: '"webgpu"',
}

/** @throws {DeviceError} for a name that is no device, saying which is meant. */
export function checkDevice(device: Device): void {
  if (device === 'auto' || Object.hasOwn(devices, device)) return
  const name = String(device).toLowerCase().replace(/:\d+$/, '')
  const meant = Object.hasOwn(devices, name) ? `"${name}"` : otherNames[name]
  throw new DeviceError({
    where: 'option device',
    what: 'no such device',
    expected: ['auto', ...deviceNames].join(', '),
    found: JSON.stringify(device),
    fix: meant ? `Write ${meant}; "auto" takes the first that works.` : '"auto" takes the first that works.',
  })
}
