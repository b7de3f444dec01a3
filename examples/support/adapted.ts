// A base model with an adapter of PEFT's, and the classification head that the adapter brings.

import { type Files, openFiles } from '@cola/data'
import { loadAdapter, openAdapter, openBase, type Pooling, withHead } from '@cola/lora'

export interface AdaptedOptions {
  /** The base's ONNX file; empty: the first of the usual names. */
  file: string
  /** Where a text is read; empty: what the adapter says, else last for decoders and mean for encoders. */
  pooling: string
  /** Bits of the base's linear layers; 0: as the file has them. @default 0 */
  bits?: number
}

const settingsFile = 'fine_tuned.json'

/** The start token that `fineTune` put before texts. PEFT records none: the base's tokenizer is taken as it is. */
function startToken(files: Files): { add_bos_token?: boolean; bos_token?: string } {
  if (!files.has(settingsFile)) return {}
  const { base } = JSON.parse(new TextDecoder().decode(files.read(settingsFile)))
  const { add_bos_token, bos_token } = base
  return { ...(add_bos_token && { add_bos_token }), ...(bos_token && { bos_token }) }
}

/**
 * Opens the base, with the start token of the adapter, puts a head of the adapter's size on it, and loads the adapter:
 * LoRA matrices, head, and what else it holds.
 */
export async function openAdapted(baseName: string, adapterName: string, { file, pooling, bits = 0 }: AdaptedOptions) {
  const files = await openFiles(adapterName, { files: [{ path: settingsFile, optional: true }] })
  const adapter = await openAdapter(files)
  const base = await openBase(baseName, {
    ...startToken(files),
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
