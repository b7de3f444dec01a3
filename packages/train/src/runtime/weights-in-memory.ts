// Weights as files in memory, for models that are opened from bytes.

import { byteLength, type ExternalLocation, type Graph, type Tensor } from '@cola/graph'
import { FileError } from '../errors.ts'

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

/** The weights of graphs by name. @throws {FileError} when two graphs have different ones of a name. */
export function sharedWeights(graphs: readonly Graph[]): Map<string, Tensor> {
  const shared = new Map<string, Tensor>()
  for (const [name, data] of graphs.flatMap(({ initializers }) => [...initializers])) {
    const other = shared.get(name)
    if (other && (other.dims.join() !== data.dims.join() || other.dtype !== data.dtype))
      throw new FileError({ where: name, what: 'two models have different weights of this name' })
    shared.set(name, data)
  }
  return shared
}
