// Weights as files in memory, for models that are opened from bytes.

import { byteLength, type ExternalLocation, type Tensor } from '@cola/graph'

/** Where the weights of models lie in files, and the files. */
export interface WeightsInMemory {
  readonly layout: ReadonlyMap<string, ExternalLocation>
  readonly files: readonly { path: string; data: Uint8Array }[]
}

/**
 * Large tensors as files in memory, one each: their bytes are those of the tensors, and nothing is copied to lie beside
 * the others.
 * @param threshold Bytes from which a tensor is large. @default 1 MiB
 * @param aligned Whether the runtime computes in the bytes: those at odd places in a file are copied. @default false
 */
export function weightsInMemory(
  tensors: Iterable<readonly [string, Tensor]>,
  { threshold = 2 ** 20, aligned = false }: { threshold?: number; aligned?: boolean } = {},
): WeightsInMemory {
  const places = new Map<Tensor['bytes'], WeightsInMemory['files'][number]>()
  const layout = new Map<string, ExternalLocation>()
  for (const [name, tensor] of tensors) {
    const { bytes } = tensor
    if (byteLength(tensor) < threshold) continue
    const file = places.get(bytes) ?? { path: `weights.${places.size}`, data: aligned ? toAligned(bytes()) : bytes() }
    places.set(bytes, file)
    layout.set(name, { location: file.path, offset: 0 })
  }
  return { layout, files: [...places.values()] }
}

const toAligned = (bytes: Uint8Array): Uint8Array => (bytes.byteOffset % 64 === 0 ? bytes : new Uint8Array(bytes))
