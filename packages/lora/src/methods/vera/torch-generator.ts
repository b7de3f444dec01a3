// PyTorch's random numbers on the CPU: the Mersenne Twister (Matsumoto and Nishimura 1998, mt19937) and
// Tensor.uniform_ (aten/src/ATen/core/MT19937RNGEngine.h, TransformationHelper.h).

const size = 624
const shift = 397

export interface TorchGenerator {
  /** The next float32 numbers of U(low, high), as `torch.empty(count).uniform_(low, high, generator=...)` has them. */
  readonly uniform: (count: number, low: number, high: number) => Float32Array
}

/**
 * `torch.Generator('cpu').manual_seed(seed)`. The numbers are those of processors with fused multiply-add (AVX2 and
 * later); without it PyTorch rounds once more, in the last bit.
 */
export function torchGenerator(seed: number): TorchGenerator {
  const bits = mersenneTwister(seed)
  return {
    uniform: (count, low, high) => {
      const from = Math.fround(low)
      const span = Math.fround(Math.fround(high) - from)
      return Float32Array.from({ length: count }, () => ((bits() & 0xffffff) / 2 ** 24) * span + from)
    },
  }
}

/** Unsigned 32-bit numbers; of the seed, the last 32 bits count. */
function mersenneTwister(seed: number): () => number {
  const state = new Uint32Array(size)
  state[0] = seed % 2 ** 32
  for (let i = 1; i < size; i++) {
    const last = state[i - 1] as number
    state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i
  }
  let at = size
  return () => {
    if (at === size) {
      twist(state)
      at = 0
    }
    let y = state[at++] as number
    y ^= y >>> 11
    y ^= (y << 7) & 0x9d2c5680
    y ^= (y << 15) & 0xefc60000
    return (y ^ (y >>> 18)) >>> 0
  }
}

/** The next 624 numbers' state. */
function twist(state: Uint32Array): void {
  for (let i = 0; i < size; i++) {
    const y = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % size] as number) & 0x7fffffff)
    state[i] = (state[(i + shift) % size] as number) ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0)
  }
}
