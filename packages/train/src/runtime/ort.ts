// Loads ONNX Runtime with the first session: onnxruntime-node in Node, onnxruntime-web in a browser, by the package
// import "#ort". The only importer. Tensors come from onnxruntime-common, which both share, and need no runtime.

import { type InferenceSession, type InferenceSessionFactory, Tensor, type TensorConstructor } from 'onnxruntime-common'
import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'

export type OrtSession = InferenceSession
export type OrtTensor = Tensor
export type OrtTensors = Record<string, OrtTensor>
export type SessionOptions = InferenceSession.SessionOptions
export const OrtTensor: TensorConstructor = Tensor

/** Command that installs the runtime without the CUDA libraries that its install script downloads on Linux x64. */
export const installNode = 'npm install --ignore-scripts onnxruntime-node'

/** Loads the runtime. @throws {DeviceError} when it is not installed, or when its binaries cannot be loaded. */
export async function loadRuntime(): Promise<{ InferenceSession: InferenceSessionFactory }> {
  // Bundlers build without the runtime where its import is in a try block.
  try {
    return await import('#ort')
  } catch (cause) {
    return refuseRuntime(cause as Error)
  }
}

/** Creates a session from a file's path or bytes. */
export async function createOrtSession(model: string | Uint8Array, options: SessionOptions): Promise<OrtSession> {
  const { InferenceSession } = await loadRuntime()
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options)
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
