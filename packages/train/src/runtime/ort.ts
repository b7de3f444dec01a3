// The only importer of ONNX Runtime: onnxruntime-node in Node, onnxruntime-web in a browser, by the import condition "#ort".

import { InferenceSession, Tensor } from '#ort'

export type OrtSession = InferenceSession
export type OrtTensor = Tensor
export type OrtTensors = Record<string, OrtTensor>
export type SessionOptions = InferenceSession.SessionOptions
export const OrtTensor = Tensor

/** Creates a session from a file's path or bytes. */
export const createOrtSession = (model: string | Uint8Array, options: SessionOptions): Promise<OrtSession> =>
  typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options)
