// An adapter that PEFT trained for a small decoder, and another one of other layers and rank, with what each generates.

import { join } from 'node:path'
import {
  type Adapter,
  adapterTensors,
  type BaseModel,
  loadFineTuned,
  lora,
  openBase,
  writeAdapter,
} from '../../src/index.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { moved } from '../../../../tools/moved.ts'
import { decoderFiles, decoders, json } from './decoder-files.ts'
import { ofPeft } from './exported-decoder.ts'
import { genaiConfig } from './genai-config.ts'

const name = 'decoder-qwen3'

export interface TwoAdapters {
  readonly base: BaseModel
  readonly adapters: Readonly<Record<'peft' | 'own', Adapter>>
  readonly prompt: readonly number[]
  /** Greedy tokens with each: transformers', and those of `generate` with this adapter alone. */
  readonly greedy: Readonly<Record<'peft' | 'own', readonly number[]>>
}

/** @param out A folder for the adapter that is made here. */
export async function twoAdapters(out: string): Promise<TwoAdapters> {
  const config = genaiConfig(name)
  const files = { ...decoderFiles(name, config.model.vocab_size), 'genai_config.json': json(config) }
  const base = await openBase(files)
  const { prompt, greedy } = ofPeft(name)
  const model = moved(lora(base.languageModel(), { r: 3, target_modules: ['q_proj', 'down_proj'] }), 1, 0.5)
  const folder = join(out, 'own')
  writeAdapter(folder, model)
  const tuned = await loadFineTuned(folder, { task: 'CAUSAL_LM', base: files })
  const text = await tuned.generate(tuned.tokenizer.decode(prompt), { max_new_tokens: greedy.length, eos_token_id: [] })
  const own = tuned.tokenizer.encode(text.trim())
  await tuned.release()
  const peft = readAdapter(join(decoders, name, 'adapter'))
  const adapters = { peft, own: { config: model.config, tensors: adapterTensors(model) } }
  return { base, adapters, prompt, greedy: { peft: greedy, own } }
}
