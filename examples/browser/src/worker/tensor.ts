// In place of onnxruntime-common, which is 4 kB of what the page fetches: the runtime has a copy of its own, and reads
// these fields of the tensors that it is fed. The library's class adds pictures, textures and buffers of a device;
// tensors on a device are the runtime's own.

import type { OrtTensor } from '@cola/train'

type Fed = Pick<OrtTensor, 'type' | 'data' | 'dims' | 'size' | 'location' | 'getData' | 'dispose'>

/** A tensor in memory, as onnxruntime-common's `new Tensor(type, data, dims)`. */
export class Tensor implements Fed {
  readonly type: OrtTensor['type']
  readonly data: OrtTensor['data']
  readonly dims: readonly number[]
  readonly location = 'cpu'

  constructor(type: OrtTensor['type'], data: OrtTensor['data'], dims: readonly number[]) {
    this.type = type
    this.data = data
    this.dims = [...dims]
  }

  get size(): number {
    return this.dims.reduce((product, size) => product * size, 1)
  }

  async getData(): Promise<OrtTensor['data']> {
    return this.data
  }

  /** Memory is freed by the garbage collector. */
  dispose(): void {}
}
