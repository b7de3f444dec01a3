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
export const loadRuntime = (): Promise<{ InferenceSession: InferenceSessionFactory }> =>
  import('#ort').catch(refuseRuntime)

/** Creates a session from a file's path or bytes. */
export async function createOrtSession(model: string | Uint8Array, options: SessionOptions): Promise<OrtSession> {
  const { InferenceSession } = await loadRuntime()
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options)
}

function refuseRuntime(cause: Error & { code?: string }): never {
  const [where, install] = hasFiles()
    ? ['onnxruntime-node', installNode]
    : ['onnxruntime-web', 'npm install onnxruntime-web']
  if (cause.code === 'ERR_MODULE_NOT_FOUND' && cause.message.includes(where))
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
