// A base model with an adapter of PEFT's, and the classification head that the adapter brings.

import { loadAdapter, openAdapter, openBase, type Pooling, withHead } from '@cola/lora'

export interface AdaptedOptions {
  /** The base's ONNX file; empty: the first of the usual names. */
  file: string
  /** Where a text is read; empty: what the adapter says, else last for decoders and mean for encoders. */
  pooling: string
  /** Bits of the base's linear layers; 0: as the file has them. @default 0 */
  bits?: number
}

/**
 * Opens the base, puts a head of the adapter's size on it, and loads the adapter: LoRA matrices, head, and what else it
 * holds.
 */
export async function openAdapted(baseName: string, adapterName: string, { file, pooling, bits = 0 }: AdaptedOptions) {
  const adapter = await openAdapter(adapterName)
  const base = await openBase(baseName, {
    ...(file === '' ? {} : { file }),
    ...(bits === 0 ? {} : { quantization: { bits: bits as 4 | 8 } }),
  })
  const weight = [...adapter.tensors].find(([name]) => /\.(score|classifier)\.weight$/.test(name))?.[1]
  const headed = withHead(base.hiddenStates(), {
    num_labels: adapter.head?.num_labels ?? weight?.dims[0] ?? 2,
    pooling: pooling === '' ? (adapter.head?.pooling ?? (base.causal ? 'last' : 'mean')) : (pooling as Pooling),
    name: base.causal ? 'score' : 'classifier',
    bias: !base.causal,
  })
  return { base, adapter, model: loadAdapter(headed, adapter) }
}
