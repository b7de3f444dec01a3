// What a fine-tuned language model serves: strings in and out.

import { defined } from '@cola/graph/options'
import { adapterOf } from '../adapter/files.ts'
import { loadAdapter } from '../adapter/load.ts'
import { type Decoder, openDecoder } from '../generate/decoder.ts'
import type { GenerateOptions, NextTokenModel } from '../generate/generate-tokens.ts'
import { textFormat } from '../generate/text-format.ts'
import { type TextGenerator, textGenerator } from '../generate/text-generator.ts'
import { merge } from '../inject/merge.ts'
import { isQuantized } from '../onnx/quantization.ts'
import type { ServeContext } from './task.ts'

export interface TextGenerationParts {
  context: ServeContext
  /** Logits of the token that follows each text, for models without a cache: each call reads the whole texts. */
  logits: (texts: readonly (readonly number[])[]) => Promise<readonly Float32Array[]>
  eos_token_id: readonly number[]
  chat_template: string | undefined
}

/** Builds `generate`. With a cache, a second session of the model is opened when the first text is asked for. */
export function textGeneration({ context, logits, ...settings }: TextGenerationParts): TextGenerator {
  const { base, lazily } = context
  const uncached: NextTokenModel['logits'] = async (texts) => {
    const rows = await logits([...texts.values()])
    return new Map([...texts.keys()].map((row, i) => [row, rows[i] as Float32Array]))
  }
  const decoder = lazily(() => openCached(context))
  const call = {
    format: textFormat(base, settings),
    limits: { vocab_size: base.vocab_size, max_length: base.max_length },
    start: async () => (await decoder()).start?.({}) ?? { logits: uncached, joins: true },
  }
  const onWarning: GenerateOptions['onWarning'] = ({ message }) => context.onWarning(message)
  return textGenerator((options) => {
    context.requireOpen()
    return [call, { onWarning, ...defined(options) }]
  })
}

/**
 * The trained model with its cache. The adapter is merged, but for a base in 4 or 8 bits, which would lose them.
 * Without `start` for a base without a cache.
 */
async function openCached({
  base,
  device,
  adapted,
}: ServeContext): Promise<Pick<Decoder, 'release'> & Partial<Decoder>> {
  const model = base.cachedLanguageModel()
  if (!model) return { release: async () => undefined }
  const loaded = loadAdapter(model, adapterOf(await adapted()))
  return openDecoder(isQuantized(model.graph) ? loaded.graph : merge(loaded).graph, device, [])
}
