// Files of batches: safetensors of some megabytes each, with the inputs of many batches.

import type { FileSink } from '@cola/data'
import { byteLength, safetensorsChunks, type Tensor } from '@cola/graph'
import { type Batch, typeOfArray } from '../session/feeds.ts'

/** Where the inputs of a batch lie: the tensors `KEY/INPUT` of a file. */
export interface BatchPlace {
  file: string
  key: string
}

/** Writes batches one after another. */
export interface BatchWriter {
  /** Adds the inputs of a batch with these names. */
  add: (batch: Batch, inputs: readonly string[]) => BatchPlace
  /** Writes what is not written yet. */
  end: () => void
}

/** Opens a writer of files `batches-00000.safetensors`, each of at most `maxBytes` or one batch. */
export function batchWriter(sink: FileSink, maxBytes: number): BatchWriter {
  let tensors = new Map<string, Tensor>()
  let size = 0
  let files = 0
  let batches = 0
  const name = () => `batches-${String(files).padStart(5, '0')}.safetensors`
  const end = () => {
    if (tensors.size === 0) return
    sink.write(name(), safetensorsChunks(tensors))
    tensors = new Map()
    size = 0
    files++
  }
  return {
    add(batch, inputs) {
      const added = inputs.map((input) => [input, tensorOf(batch[input] as Batch[string])] as const)
      const bytes = added.reduce((sum, [, tensor]) => sum + byteLength(tensor), 0)
      if (size + bytes > maxBytes) end()
      const key = String(batches++)
      for (const [input, tensor] of added) tensors.set(`${key}/${input}`, tensor)
      size += bytes
      return { file: name(), key }
    },
    end,
  }
}

const tensorOf = ({ data, dims }: Batch[string]): Tensor => {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice()
  return { dtype: typeOfArray(data), dims, bytes: () => bytes }
}
