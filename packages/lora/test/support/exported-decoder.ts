// What other programs do with a decoder's file: feed it tokens and its own cache, a token at a time.

import { join } from 'node:path'
import { type Files, filesOf } from '@cola/data'
import { decodeGraph, elements, type Graph, parseSafetensors, type Tensor, toFloat32 } from '@cola/graph'
import { defaultDevice, externalDataOf, openSession, type OrtTensors, type RunnableModel } from '@cola/train'
import { decoders, read } from './decoder-files.ts'
import { greedyLoop } from './greedy-loop.ts'

export const decoded = (folder: string | Files, file = 'model.onnx'): Graph =>
  decodeGraph(filesOf(folder).read(file), { externalData: externalDataOf(folder) })

/** What the runtime opens: a file by its path, or its bytes and those of the weights beside it. */
function opened(folder: string | Files, file: string): Omit<RunnableModel, 'graph'> {
  const files = filesOf(folder)
  if (files.path) return { path: files.path(file) }
  const weights = files.names().filter((name) => name.startsWith(`${file}_data`))
  const externalData = weights.map((name) => ({ path: name.split('/').at(-1) as string, data: files.read(name) }))
  return { encoded: { model: files.read(file), externalData } }
}

/** A graph of a folder, and what it is fed beside tokens and cache. */
export interface ExportedFile {
  readonly file?: string
  readonly others?: OrtTensors
}

/** Greedy tokens by the written file itself, as transformers.js feeds it, and the logits from which each was taken. */
export async function greedyRun(
  folder: string | Files,
  prompt: readonly number[],
  count: number,
  { file = 'model.onnx', others = {} }: ExportedFile = {},
): Promise<{ tokens: number[]; logits: Float32Array[] }> {
  const graph = decoded(folder, file)
  const session = await openSession({ graph, ...opened(folder, file) }, defaultDevice())
  const caches = graph.inputs.flatMap((name) => {
    const { shape = [] } = graph.values.get(name) ?? {}
    // One text, and no token.
    const dims = shape.map((dim, axis) => (axis === 0 ? 1 : typeof dim === 'number' ? dim : 0))
    return name.startsWith('past') ? [[name, dims] as const] : []
  })
  const result = await greedyLoop({ run: (feeds) => session.run(feeds), caches, others }, prompt, count)
  await session.release()
  return result
}

/** {@link greedyRun}'s tokens. */
export const greedy = async (...args: Parameters<typeof greedyRun>): Promise<number[]> =>
  (await greedyRun(...args)).tokens

/** What transformers gives with PEFT's adapter of a case. */
export interface OfPeft {
  readonly prompt: number[]
  /** Greedy tokens after the prompt. */
  readonly greedy: number[]
  readonly text: number[]
  /** Logits of the text's last token. */
  readonly logits: Float32Array
}

export function ofPeft(name: string): OfPeft {
  const tensor = (file: string, key: string) =>
    parseSafetensors(read(join(decoders, name, `${file}.safetensors`))).tensors.get(key) as Tensor
  const integers = (of: Tensor) => Array.from(elements(of) as BigInt64Array, Number)
  const [ids, logits] = [tensor('inputs', 'input_ids'), tensor('expected', 'lora_logits')]
  const [, length, words] = logits.dims as [number, number, number]
  const text = integers(ids).slice(0, length)
  const last = toFloat32(logits).slice((length - 1) * words, length * words)
  return { prompt: text.slice(0, 3), greedy: integers(tensor('expected', 'greedy')), text, logits: last }
}
