// One session of the base model, whose adapters are inputs: each question goes to the adapter that it names.

import { encodeTexts } from '@cola/data'
import { elementCount, float32, type Tensor, toFloat32 } from '@cola/graph'
import { type Adapter, type BaseModel, type HeadedModel, switchable, withHead } from '@cola/lora'
import { feedsOf, openResolved } from '@cola/train'
import { headName, type Kept } from './adapters.ts'

/** Texts of a batch. */
const batchSize = 32

export interface Serving {
  /** Logits of texts, a row each; `before` asks the model as it was before the training. */
  readonly logits: (name: string, texts: readonly string[], when?: 'before' | 'after') => Promise<number[][]>
  readonly release: () => Promise<void>
}

/** The base model with a head of a number of classes. */
export const headed = (base: BaseModel, classes: number, labels?: readonly string[]): HeadedModel =>
  withHead(base.hiddenStates(), {
    num_labels: classes,
    pooling: base.causal ? 'last' : 'mean',
    name: headName(base),
    bias: !base.causal,
    ...(labels ? { labels } : {}),
  })

/**
 * Opens the session. Heads share one shape: those with fewer classes get rows of zeros, whose logits nobody reads.
 * @throws {AdapterError} for an adapter that does not fit the model, or cannot be switched.
 */
export async function openServing(base: BaseModel, kept: readonly Kept[], device: 'wasm' | 'webgpu'): Promise<Serving> {
  const classes = Math.max(...kept.map(({ labels }) => labels.length))
  const model = headed(base, classes)
  const adapters = Object.fromEntries(
    kept.flatMap(({ name, adapter, before }) => [
      [key(name, 'after'), widened(adapter, headName(base), classes)] as const,
      ...(before ? [[key(name, 'before'), widened(before, headName(base), classes)] as const] : []),
    ]),
  )
  const { graph, feeds } = switchable(model, adapters)
  const { session } = await openResolved(device, () => ({ graph }))
  const place = base.batches(graph)
  const { max_length, vocab_size, tokenizer } = base
  return {
    async logits(name, texts, when = 'after') {
      const { rows } = encodeTexts(tokenizer, texts, { max_length, vocab_size })
      const width = kept.find((one) => one.name === name)?.labels.length ?? classes
      const all: number[][] = []
      for (let at = 0; at < rows.length; at += batchSize) {
        const part = rows.slice(at, at + batchSize)
        const inputs = { ...place(part).batch, ...feeds(key(name, when)) }
        const { logits } = await session.run(feedsOf(graph, graph.inputs, inputs).feeds)
        const values = logits?.data as Float32Array
        for (let i = 0; i < part.length; i++) all.push([...values.subarray(i * classes, i * classes + width)])
      }
      return all
    },
    release: () => session.release(),
  }
}

const key = (name: string, when: 'before' | 'after'): string => `${name} (${when})`

/** An adapter whose head has rows of zeros up to a number of classes. */
function widened(adapter: Adapter, head: string, classes: number): Adapter {
  const tensors = new Map(
    [...adapter.tensors].map(([name, value]): [string, Tensor] =>
      name.includes(`.${head}.`) ? [name, padded(value, classes)] : [name, value],
    ),
  )
  if (!adapter.head) return { ...adapter, tensors }
  const { labels: _, ...rest } = adapter.head
  return { ...adapter, tensors, head: { ...rest, num_labels: classes } }
}

function padded(value: Tensor, classes: number): Tensor {
  const [rows = 0, ...rest] = value.dims
  const width = elementCount(rest)
  const values = new Float32Array(classes * width)
  values.set(toFloat32(value).subarray(0, rows * width))
  return float32([classes, ...rest], values)
}
