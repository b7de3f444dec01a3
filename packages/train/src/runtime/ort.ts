// The only importer of ONNX Runtime: onnxruntime-node in Node, onnxruntime-web in a browser, by the import condition "#ort".
// Types come from onnxruntime-common, which both share, so that declarations do not depend on the condition.

import type { InferenceSession, TensorConstructor, Tensor } from 'onnxruntime-common'
import { InferenceSession as RuntimeSession, Tensor as RuntimeTensor } from '#ort'

export type OrtSession = InferenceSession
export type OrtTensor = Tensor
export type OrtTensors = Record<string, OrtTensor>
export type SessionOptions = InferenceSession.SessionOptions
export const OrtTensor: TensorConstructor = RuntimeTensor

/** Creates a session from a file's path or bytes. */
export const createOrtSession = (model: string | Uint8Array, options: SessionOptions): Promise<OrtSession> =>
  typeof model === 'string' ? RuntimeSession.create(model, options) : RuntimeSession.create(model, options)
