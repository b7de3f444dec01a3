// The page's tensors have what the runtime reads of onnxruntime-common's.

import { OrtTensor } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { Tensor } from '../src/worker/tensor.ts'

describe("the page's tensors", () => {
  it.each([
    ['float32', Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]],
    ['float32', Float32Array.of(0.5), []],
    ['float32', new Float32Array(), [0, 4]],
    ['int64', BigInt64Array.of(1n, -2n), [1, 2]],
    ['int32', Int32Array.of(7, 8), [2]],
    ['bool', Uint8Array.of(1), [1]],
    ['uint8', Uint8Array.of(0, 1, 1), [3]],
  ] as const)("are as the library's: %s, case %#", async (type, data, dims) => {
    const [own, library] = [new Tensor(type, data, dims), new OrtTensor(type as 'int32', data as Int32Array, dims)]
    expect(own.type).toBe(library.type)
    expect(own.data).toBe(library.data)
    expect(own.dims).toEqual(library.dims)
    expect(own.size).toBe(library.size)
    expect(own.location).toBe(library.location)
    expect(await own.getData()).toBe(await library.getData())
  })
})
