// The table of devices: their execution providers, the order in which `auto` tries them, and names that are none.

import { checkValue, oneOf, show } from '@cola/graph/options'
import { type Graph, type Pass, runPasses } from '@cola/graph'
import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'

export interface DeviceRow {
  /** Execution providers of the runtime. */
  readonly providers: string[]
  /** Whether tensors can stay on the device between runs. */
  readonly resident: boolean
  /** Whether runs read the arrays of tensors where they are, and write outputs into arrays that are given. */
  readonly inPlace: boolean
  /** Whether the device has int8 products (DynamicQuantizeMatMul). */
  readonly int8: boolean
  /** Whether the device has a kernel for each operator that this library emits; a test checks the others by a table. */
  readonly allKernels: boolean
  /** Graph optimizers of the runtime that are disabled. */
  readonly disabledOptimizers?: string
  /** Graph optimizers of the runtime that would make float32 constants of float16 weights; also disabled for them. */
  readonly float16Optimizers?: string
  /** Loads the passes that a graph goes through before it runs on the device. @default none */
  readonly passes?: () => Promise<readonly Pass[]>
  /** Whether the passes make int64 inputs int32: feeds follow. */
  readonly int32Inputs?: boolean
  /** Whether a session first compares a tiny step with known numbers, and `auto` measures the device's speed. */
  readonly selfTest?: boolean
  /** The execution provider whose library onnxruntime-node has only where it was put there. @default none */
  readonly library?: string
  /** Variables of the environment that the device's libraries read; those that are set stay as they are. */
  readonly environment?: Readonly<Record<string, string>>
}

/**
 * Graph optimizers that are disabled on processors. The first two compose a swap of the last two axes with the
 * transpose before it into one that has no fast kernel; MatmulTransposeFusion fuses a separate swap with the product
 * that reads it, which saves 4% of a GPT-2 step. The last one duplicates a dropout mask for each node that reads it.
 */
const slowOptimizers = 'TransposeOptimizer;TransposeOptimizer_CPUExecutionProvider;EnsureUniqueDQForNodeUnit'

/** The graph optimizer that would undo what wasm-passes.ts does: it folds the transpose of a product into the product. */
const transposeFusion = 'GemmTransposeFusion'

/**
 * Graph optimizers that compute the Cast of a constant when a session is opened, and that join the Casts of its readers:
 * the result would live until the last one, the gradient, has run.
 */
const castOptimizers = 'ConstantFolding;FuseFp16InitializerToFp32NodeTransformer;CommonSubexpressionElimination'

export const devices = {
  cuda: {
    providers: ['cuda'],
    resident: false,
    inPlace: false,
    int8: false,
    allKernels: false,
    float16Optimizers: castOptimizers,
    library: 'cuda',
    // The runtime's products are in TF32 (10 bits of mantissa) by default; float32 is float32 here, as in PyTorch.
    environment: { NVIDIA_TF32_OVERRIDE: '0' },
  },
  webgpu: {
    providers: ['webgpu'],
    resident: true,
    inPlace: false,
    int8: false,
    allKernels: false,
    disabledOptimizers: 'TransposeOptimizer',
    float16Optimizers: castOptimizers,
    passes: async () => (await import('./webgpu-passes.ts')).webgpuPasses,
    int32Inputs: true,
    selfTest: true,
  },
  cpu: {
    providers: ['cpu'],
    resident: false,
    inPlace: true,
    int8: true,
    allKernels: true,
    disabledOptimizers: slowOptimizers,
  },
  wasm: {
    providers: ['wasm'],
    resident: false,
    inPlace: false,
    int8: true,
    allKernels: true,
    disabledOptimizers: `${slowOptimizers};${transposeFusion}`,
    passes: async () => (await import('./wasm-passes.ts')).wasmPasses,
  },
} satisfies Record<string, DeviceRow>

/** Name of a device. */
export type ResolvedDevice = keyof typeof devices

/** Name of a device, or `auto`: the first device of the table that works here. */
export type Device = ResolvedDevice | 'auto'

/** The processor: the default of functions without the option `device`, because a GPU may be slower. */
export const defaultDevice = (): 'cpu' | 'wasm' => (hasFiles() ? 'cpu' : 'wasm')

/** The devices in the order in which `auto` tries them. */
export const deviceNames = Object.keys(devices) as ResolvedDevice[]

/** A device's row. */
export const deviceRow = (device: ResolvedDevice): DeviceRow => devices[device]

/** The row of a device that a caller names. */
function namedRow(where: string, device: ResolvedDevice): DeviceRow {
  checkValue(where, device, oneOf(deviceNames))
  return deviceRow(device)
}

/** Whether tensors can stay on a device between runs; elsewhere each run copies its outputs to the processor's memory. */
export const keepsTensors = (device: ResolvedDevice): boolean => namedRow('keepsTensors, device', device).resident

/**
 * Whether runs on a device compute in the arrays of tensors: an output may be the array of an input. A browser's runtime
 * copies them to WebAssembly's memory, for `cpu` too.
 */
export const computesInPlace = (device: ResolvedDevice): boolean =>
  namedRow('computesInPlace, device', device).inPlace && hasFiles()

/** A graph as it runs on a device; its inputs and outputs are the same. */
export const graphFor = async (device: ResolvedDevice, graph: Graph): Promise<Graph> =>
  runPasses(graph, (await deviceRow(device).passes?.()) ?? [])

/** The devices here for names that other libraries use. */
const foreignNames: Readonly<Record<string, string>> = {
  gpu: '"webgpu", or "cuda" for an NVIDIA GPU on Linux',
  nvidia: '"cuda"',
  mps: '"webgpu"',
  metal: '"webgpu"',
  coreml: '"webgpu"',
  dml: '"webgpu"',
  directml: '"webgpu"',
  webnn: '"webgpu"',
}

/** @throws {DeviceError} for a name that is not a device, with the device that is probably meant. */
export function checkDevice(device: Device): void {
  const asked = typeof device === 'string' ? device : ''
  if (asked === 'auto' || Object.hasOwn(devices, asked)) return
  const name = asked.toLowerCase().replace(/:\d+$/, '')
  const suggestion = Object.hasOwn(devices, name)
    ? `"${name}"`
    : Object.hasOwn(foreignNames, name) && foreignNames[name]
  throw new DeviceError({
    where: 'option device',
    what: 'no such device',
    expected: ['auto', ...deviceNames].join(', '),
    found: show(device),
    fix: `${suggestion ? `Write ${suggestion}; ` : ''}"auto" takes the first that works.`,
  })
}
