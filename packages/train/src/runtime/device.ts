// Devices: which execution providers stand for each, and what to say when one is not there.

import {
  checkTypes,
  type ExternalData,
  externalChunks,
  type Graph,
  layoutExternal,
  lower,
  type Tensor,
  writeModel,
} from '@cola/graph'
import { DeviceError, FileError } from '../errors.ts'
import { fileSize, fileSystem, hasFiles, paths, readRange, writeFileAtomic } from '../files/node.ts'
import { createOrtSession, installNode, loadRuntime, type OrtSession, type SessionOptions } from './ort.ts'
import { probeGraph, refusal } from './refusal.ts'

/** Where a model runs. `auto`: the first of cuda, webgpu and cpu (wasm in a browser) that works. */
export type Device = 'cpu' | 'cuda' | 'webgpu' | 'wasm' | 'auto'

interface DeviceRow {
  providers: string[]
  /** Whether tensors can stay on the device between runs. */
  resident: boolean
  /** Whether it multiplies in eight bits. */
  int8: boolean
  fix: string
}

export const devices: Record<Exclude<Device, 'auto'>, DeviceRow> = {
  cpu: { providers: ['cpu'], resident: false, int8: true, fix: `Install onnxruntime-node: ${installNode}` },
  cuda: {
    providers: ['cuda'],
    resident: false,
    int8: false,
    fix: 'CUDA needs Linux x64, an NVIDIA driver, CUDA 12 with cuDNN 9, and onnxruntime-node installed with its download allowed (README, "CUDA").',
  },
  webgpu: {
    providers: ['webgpu'],
    resident: true,
    int8: false,
    fix: 'WebGPU needs a GPU adapter: a recent driver in Node, a browser with WebGPU enabled otherwise.',
  },
  wasm: {
    providers: ['wasm'],
    resident: false,
    int8: true,
    fix: 'The wasm device runs in browsers: npm install onnxruntime-web. Use "cpu" in Node.',
  },
}

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
function checkDevice(device: Device): void {
  if (device === 'auto' || Object.hasOwn(devices, device)) return
  const name = String(device).toLowerCase().replace(/:\d+$/, '')
  const meant = Object.hasOwn(devices, name) ? `"${name}"` : otherNames[name]
  throw new DeviceError({
    where: 'option device',
    what: 'no such device',
    expected: ['auto', ...Object.keys(devices)].join(', '),
    found: JSON.stringify(device),
    fix: meant ? `Write ${meant}; "auto" takes the first that works.` : '"auto" takes the first that works.',
  })
}

export interface RunnableModel {
  graph: Graph
  /** Path of the ONNX file, where it is on disk. */
  path?: string
  /** Outputs to keep on the device, where it can. */
  resident?: readonly string[]
  /**
   * Copy the weights into the form that the CPU multiplies fastest, instead of using them where the file is mapped.
   * @default false
   */
  packWeights?: boolean
  /**
   * Let threads wait actively for a while when a run has ended: faster for the model that runs most, at the cost of the
   * one that runs next. @default true
   */
  spin?: boolean
}

/**
 * Switched off. The first two join a swap of the last two axes with the transpose before it, into one that has no fast
 * kernel; left alone, the swap costs nothing, because MatmulTransposeFusion gives it to the product that reads it: 4%
 * of a GPT-2 step. The last makes a dropout mask anew for each node that reads it.
 */
const slowOptimizers = 'TransposeOptimizer;TransposeOptimizer_CPUExecutionProvider;EnsureUniqueDQForNodeUnit'

/**
 * Creates a runtime session for a graph on a device.
 * @throws {DeviceError} for a name that is no device, when the device is not there, or when no runtime is installed,
 * saying how to get it.
 * @throws {ModelError | GraphError | ShapeError} when the runtime does not take the model, naming the node.
 */
export async function openSession(
  { graph, path, resident = [], packWeights = false, spin = true }: RunnableModel,
  device: Exclude<Device, 'auto'>,
): Promise<OrtSession> {
  checkDevice(device)
  await loadRuntime()
  const row = devices[device]
  if (!row.int8 && graph.nodes.some(({ opType }) => opType === 'DynamicQuantizeMatMul'))
    throw new DeviceError({
      where: `device "${device}"`,
      what: `it has no products in eight bits, which "${graph.name}" asks for`,
      expected: Object.keys(devices)
        .filter((name) => devices[name as keyof typeof devices].int8)
        .join(' or '),
      fix: "Choose that device, or generateArtifacts with frozenProducts: 'float32'.",
    })
  const locations = Object.fromEntries(
    graph.outputs.map((name) => [name, resident.includes(name) ? 'gpu-buffer' : 'cpu'] as const),
  )
  const options: SessionOptions = {
    executionProviders: row.providers,
    logSeverityLevel: 3,
    // A pattern is one block for all activations of a run, given back after it: twice the memory, and its pages faulted
    // in anew each step.
    enableMemPattern: false,
    extra: {
      session: { disable_prepacking: packWeights ? '0' : '1', intra_op: { allow_spinning: spin ? '1' : '0' } },
      ...(device === 'cpu' || device === 'wasm'
        ? { optimization: { disable_specified_optimizers: slowOptimizers } }
        : {}),
    },
    ...(row.resident && resident.length ? { preferredOutputLocation: locations } : {}),
  }
  try {
    if (path !== undefined) return await createOrtSession(path, options)
    const external = layoutExternal(graph.initializers, { location: 'weights.bin', threshold: 2 ** 20 })
    const data = concatenate(externalChunks(graph.initializers, external))
    checkTypes(graph)
    return await createOrtSession(
      writeModel(lower(graph), external),
      external.size ? { ...options, externalData: [{ path: 'weights.bin', data }] } : options,
    )
  } catch (cause) {
    throw await refusal({ graph, device, fix: row.fix, works: () => opensProbe(row) }, cause as Error)
  }
}

const opensProbe = ({ providers }: DeviceRow): Promise<boolean> =>
  createOrtSession(writeModel(probeGraph()), { executionProviders: providers, logSeverityLevel: 4 }).then(
    async (session) => {
      await session.release()
      return true
    },
    () => false,
  )

/**
 * The device that `auto` stands for here, found by opening a one-node model; others as they are.
 * @throws {DeviceError} for a name that is no device, and when none works; what {@link openSession} throws when a
 * device works and the model does not.
 */
export async function resolveDevice(device: Device, probe: Graph | RunnableModel): Promise<Exclude<Device, 'auto'>> {
  checkDevice(device)
  if (device !== 'auto') return device
  await loadRuntime()
  const candidates = hasFiles() ? (['cuda', 'webgpu', 'cpu'] as const) : (['webgpu', 'wasm'] as const)
  let refused: unknown
  for (const candidate of candidates) {
    try {
      await (await openSession('graph' in probe ? probe : { graph: probe }, candidate)).release()
      return candidate
    } catch (error) {
      // Not there, or it does not take the model: the next one.
      if (!(error instanceof DeviceError)) refused = error
    }
  }
  if (refused) throw refused
  throw new DeviceError({
    where: 'device "auto"',
    what: 'no device works',
    expected: candidates.join(', '),
    fix: installNode,
  })
}

/**
 * Writes graphs to a folder as ONNX files that share one external-data file for their frozen weights.
 * @returns The path of each.
 * @throws {GraphError | ShapeError} for a graph whose element types do not go together, before anything is written.
 * @throws {FileError} when the folder cannot be written.
 */
export function writeModels(
  folder: string,
  graphs: Readonly<Record<string, Graph>>,
  weightsFile = 'frozen_weights.bin',
): Record<string, string> {
  const { join } = paths()
  for (const graph of Object.values(graphs)) checkTypes(graph)
  const shared = new Map<string, Tensor>()
  for (const graph of Object.values(graphs))
    for (const [name, data] of graph.initializers) shareWeight(shared, name, data)
  const layout = layoutExternal(shared, { location: weightsFile })
  if (layout.size) writeFileAtomic(join(folder, weightsFile), externalChunks(shared, layout))
  return Object.fromEntries(
    Object.entries(graphs).map(([name, graph]) => {
      const path = join(folder, `${name}.onnx`)
      writeFileAtomic(
        path,
        writeModel(lower(graph), new Map([...layout].filter(([key]) => graph.initializers.has(key)))),
      )
      return [name, path]
    }),
  )
}

/**
 * The external-data files of a model's folder, read when asked for. @throws {FileError} naming a file that is not
 * there.
 */
export function externalDataOf(folder: string): ExternalData {
  const { join } = paths()
  return {
    size: (location) => {
      const path = join(folder, location)
      if (!fileSystem().existsSync(path))
        throw new FileError({
          where: path,
          what: 'the external data of the model is missing',
          fix: 'It must lie beside the ONNX file, under this name.',
        })
      return fileSize(path)
    },
    read: (location, offset, length) => readRange(join(folder, location), offset, offset + length),
  }
}

function shareWeight(shared: Map<string, Tensor>, name: string, data: Tensor): void {
  const other = shared.get(name)
  if (other && other !== data && (other.dims.join() !== data.dims.join() || other.dtype !== data.dtype))
    throw new FileError({ where: name, what: 'two models have different weights of this name' })
  shared.set(name, data)
}

function concatenate(chunks: Iterable<Uint8Array>): Uint8Array {
  const list = [...chunks]
  const bytes = new Uint8Array(list.reduce((size, chunk) => size + chunk.length, 0))
  let at = 0
  for (const chunk of list) {
    bytes.set(chunk, at)
    at += chunk.length
  }
  return bytes
}
