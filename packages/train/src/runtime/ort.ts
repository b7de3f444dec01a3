// Loads ONNX Runtime with the first session: onnxruntime-node in Node, a build of onnxruntime-web in a browser, by the
// package imports "#ort" and "#ort-wasm". The only importer. Tensors come from onnxruntime-common, which all share.

import { Tensor } from 'onnxruntime-common'
import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import type { ResolvedDevice } from './devices.ts'
import { keepingWorkers } from './keep-workers.ts'
import { once } from './once.ts'
import type {
  OrtSession,
  OrtTensor as RuntimeTensor,
  OrtTensorConstructor,
  OrtTensors,
  SessionOptions,
} from './ort-types.ts'
import { releasedOnce } from './released.ts'
import { runtimeSettings } from './runtime-options.ts'
import { prepareWasm, refuseStart, type WasmEnvironment } from './start-wasm.ts'
import type { WasmBuild } from './wasm-files.ts'

export type { OrtSession, OrtTensors, SessionOptions } from './ort-types.ts'
/** A tensor of the runtime. */
export type OrtTensor = RuntimeTensor
/** Makes tensors of the runtime; it needs no runtime itself. */
export const OrtTensor: OrtTensorConstructor = Tensor

/** Command that installs the runtime without the CUDA libraries that its install script downloads on Linux x64. */
export const installNode = 'npm install --ignore-scripts onnxruntime-node'

interface Runtime {
  InferenceSession: { create(model: string | Uint8Array, options: SessionOptions): Promise<OrtSession> }
  Tensor: OrtTensorConstructor
  env: { wasm: WasmEnvironment }
}

// Bundlers build without the runtime where its import is in a try block.
const loaders: Record<WasmBuild, () => Promise<Runtime>> = {
  async wasm() {
    try {
      return await import('#ort-wasm')
    } catch (cause) {
      return refuseRuntime(cause as Error)
    }
  },
  async webgpu() {
    try {
      return await import('#ort')
    } catch (cause) {
      return refuseRuntime(cause as Error)
    }
  },
}

const buildOf = (device: ResolvedDevice): WasmBuild => (device === 'wasm' ? 'wasm' : 'webgpu')
const loaded = new Map<WasmBuild, Promise<Runtime>>()

/**
 * Loads the runtime of a device.
 * @throws {DeviceError} when it is not installed, when its binaries cannot be loaded, or when its wasm is not where it
 * is looked for.
 */
export function loadRuntime(device: ResolvedDevice): Promise<Runtime> {
  const build = buildOf(device)
  if (hasFiles()) return loaders[build]()
  return once(loaded, build, () => prepare(build))
}

async function prepare(build: WasmBuild): Promise<Runtime> {
  const runtime = await loaders[build]()
  await prepareWasm(build, runtime.env.wasm)
  return runtime
}

let last: Promise<unknown> = Promise.resolve()

/** Runs one call of a browser's runtime after another: a second that runs at once would freeze the page. */
function inTurn<Result>(call: () => Promise<Result>): Promise<Result> {
  const result = last.then(call)
  last = result.catch(() => undefined)
  return result
}

/** Creates a session on a device from a file's path or bytes. It is used and released as {@link releasedOnce} says. */
export async function createOrtSession(
  device: ResolvedDevice,
  model: string | Uint8Array,
  options: SessionOptions,
): Promise<OrtSession> {
  const { InferenceSession, Tensor: Own, env } = await loadRuntime(device)
  const { numThreads } = runtimeSettings()
  const create = (all: SessionOptions): Promise<OrtSession> => InferenceSession.create(model, all)
  if (hasFiles()) {
    const threads = numThreads === undefined ? {} : { intraOpNumThreads: numThreads }
    return releasedOnce(writesInto(await create({ ...options, ...threads }), Own), device)
  }
  const isStarted = !env.wasm.wasmBinary
  const open = () => create(options)
  const session = await inTurn(() => (isStarted ? open() : keepingWorkers(open))).catch(refuseStart)
  // The wasm is compiled now.
  delete env.wasm.wasmBinary
  return runsInTurn(session, device)
}

/** Apart from what opens a session: closures there would keep the bytes of the model as long as the session. */
function runsInTurn(session: OrtSession, device: ResolvedDevice): OrtSession {
  // The next run must not begin before the loss of the device is known: it would never end.
  const { run, release } = releasedOnce(session, device)
  return Object.assign(session, {
    run: (...args: Parameters<OrtSession['run']>) => inTurn(() => run.apply(session, args)),
    release: () => inTurn(() => release.apply(session)),
  })
}

/**
 * Lets a session write outputs into tensors that are given: the runtime for Node, CommonJS, passes over tensors of
 * another class than its own.
 */
function writesInto(session: OrtSession, Own: OrtTensorConstructor): OrtSession {
  const { run } = session
  /** Tensors that are written into at many runs are converted once. */
  const converted = new WeakMap<OrtTensor, OrtTensor>()
  const own = (value: OrtTensor): OrtTensor => {
    const result = converted.get(value) ?? new Own(value.type as 'float32', value.data as Float32Array, value.dims)
    converted.set(value, result)
    return result
  }
  const ownIn = (fetches: object): object => {
    if (Array.isArray(fetches)) return fetches
    const all: Record<string, unknown> = { ...fetches }
    for (const name in all) if (all[name] instanceof Tensor) all[name] = own(all[name] as OrtTensor)
    return all
  }
  return Object.assign(session, {
    run: (...[feeds, fetches, ...rest]: [OrtTensors, ...object[]]) =>
      (run as (...args: object[]) => ReturnType<OrtSession['run']>).call(
        session,
        ...[feeds, ...(fetches ? [ownIn(fetches), ...rest] : [])],
      ),
  })
}

const installLines = {
  'onnxruntime-node': installNode,
  'onnxruntime-web': 'npm install onnxruntime-web',
} as const

/** What Node, the bundlers and the browsers say of a module that is not there. */
const isMissing = /cannot find|could not resolve|failed to resolve|does not resolve|bare specifier/i

/** The typed error of a runtime that was not loaded; `cause` names the module if it is missing. */
export function refuseRuntime(cause: Error): never {
  const names = Object.keys(installLines) as (keyof typeof installLines)[]
  const named = names.find((name) => cause.message.includes(name))
  const where = named ?? (hasFiles() ? 'onnxruntime-node' : 'onnxruntime-web')
  const install = installLines[where]
  if (named && isMissing.test(cause.message))
    throw new DeviceError(
      { where, what: 'the runtime is not installed', fix: `Install it beside this package: ${install}` },
      { cause },
    )
  throw new DeviceError(
    {
      where,
      what: 'the runtime could not be loaded',
      expected: 'Windows, Linux with glibc, or macOS on Apple silicon, and the package as published',
      found: cause.message,
      fix: `Install it again: ${install}`,
    },
    { cause },
  )
}
