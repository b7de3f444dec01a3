// The library's types of the runtime and those of onnxruntime-common, each of which stands for the other.

import type { OrtSession, OrtTensor, OrtTensorConstructor } from '@cola/train'
import type { InferenceSession, Tensor, TensorConstructor } from 'onnxruntime-common'
import { describe, expectTypeOf, it } from 'vitest'
import type { SessionOptions } from '../../src/runtime/ort-types.ts'

describe("the runtime's types", () => {
  it("are onnxruntime-common's", () => {
    expectTypeOf<OrtTensor>().toExtend<Tensor>()
    expectTypeOf<Tensor>().toExtend<OrtTensor>()
    expectTypeOf<OrtSession>().toExtend<InferenceSession>()
    expectTypeOf<InferenceSession>().toExtend<OrtSession>()
    expectTypeOf<TensorConstructor>().toExtend<OrtTensorConstructor>()
    expectTypeOf<SessionOptions>().toExtend<InferenceSession.SessionOptions>()
    expectTypeOf<OrtTensor['texture']>().toEqualTypeOf<Tensor['texture']>()
    expectTypeOf<OrtTensor['gpuBuffer']>().toEqualTypeOf<Tensor['gpuBuffer']>()
  })
})
