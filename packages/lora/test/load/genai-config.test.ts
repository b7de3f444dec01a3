// Folders of onnxruntime-genai's builder, which have genai_config.json and no config.json.

import { join } from 'node:path'
import { defaultDevice } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { folderAt } from '../../../../tools/test-folders.ts'
import { ConfigError, openBase, openGenerator } from '../../src/index.ts'
import { decoderFiles, decoders, json, parsed, read } from '../support/decoder-files.ts'
import { ofPeft } from '../support/exported-decoder.ts'
import { genaiConfig } from '../support/genai-config.ts'

/** What the builder writes: the files of a case without its config.json. */
function built(name: string, change: (config: ReturnType<typeof genaiConfig>) => unknown = (config) => config) {
  const config = genaiConfig(name)
  const { 'config.json': _, 'onnx/model.onnx': onnx, ...files } = decoderFiles(name, config.model.vocab_size)
  return { ...files, 'model.onnx': onnx, 'genai_config.json': json(change(config)) }
}

describe('a folder of onnxruntime-genai’s builder', () => {
  it.each(['decoder-qwen2', 'decoder-qwen3', 'decoder-phi3', 'decoder-gemma2', 'decoder-llama-int4', 'decoder-lfm2'])(
    '%s: generates with an adapter as transformers does, without config.json',
    async (name) => {
      const adapters = { case: folderAt(join(decoders, name, 'adapter')) }
      const generator = await openGenerator(built(name), { adapters, device: defaultDevice() })
      const { prompt, greedy } = ofPeft(name)
      const options = { adapter: 'case', max_new_tokens: greedy.length, eos_token_id: [] } as const
      expect(await generator.generate(prompt, options)).toEqual(greedy)
      await generator.release()
    },
  )

  it('has the sizes and special tokens of config.json', async () => {
    const { head_dim, ...config } = (await openBase(built('decoder-qwen2'))).config
    expect(parsed(read(join(decoders, 'decoder-qwen2', 'config.json')))).toMatchObject(config)
    expect([head_dim, Object.keys(config).length]).toEqual([16, 10])
  })

  it('names what is missing, and the file that has it', async () => {
    const withoutType = built('decoder-qwen2', ({ model: { type: _, ...model } }) => ({ model }))
    await expect(openBase(withoutType)).rejects.toThrow(
      /genai_config\.json, field "model\.type".*nothing.*Copy config\.json/s,
    )
    const whisper = built('decoder-qwen2', ({ model }) => ({ model: { ...model, type: 'whisper' } }))
    await expect(openBase(whisper)).rejects.toThrow(/"whisper".*Copy config\.json/s)
    const withoutWidth = built('decoder-qwen2', ({ model }) => ({
      model: { ...model, decoder: { ...model.decoder, hidden_size: undefined } },
    }))
    await expect(openBase(withoutWidth)).rejects.toThrow(ConfigError)
    await expect(openBase(withoutWidth)).rejects.toThrow(/"hidden_size".*Copy config\.json/s)
  })
})
