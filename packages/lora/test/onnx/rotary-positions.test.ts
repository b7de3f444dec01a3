// A table of cosines for fewer positions than config.json says: texts are as long as the table has rows.

import { decodeGraph, elementCount, elements, float32, inferModel, writeModel } from '@cola/graph'
import { expect, it } from 'vitest'
import { createGenerator, fineTune, openBase, openGenerator } from '../../src/index.ts'
import { decoderFiles, parsed } from '../support/decoder-files.ts'

const words = (count: number) => Array.from({ length: count }, (_, i) => `w${4 + (i % 30)}`).join(' ')
const file = 'onnx/model.onnx'

/** A decoder whose tables of cosines and sines have so many rows. */
function cut(name: string, rows: number): Record<string, Uint8Array> {
  const files = decoderFiles(name)
  const graph = inferModel(decodeGraph(files[file], { where: name }), { keepAttention: true })
  for (const [table, tensor] of graph.initializers)
    if (/^(cos|sin)_cache/.test(table)) {
      const [, half] = tensor.dims as [number, number]
      expect(elementCount(tensor.dims)).toBeGreaterThan(rows * half)
      const values = elements(tensor) as Float32Array
      graph.initializers.set(table, float32([rows, half], values.slice(0, rows * half)))
    }
  return { ...files, [file]: writeModel(graph) }
}

it.each(['decoder-qwen3', 'decoder-phi3', 'decoder-llama-int4'])('%s', async (name) => {
  const [whole, short] = [await openBase(decoderFiles(name)), await openBase(cut(name, 16))]
  expect(whole.max_length).toBeGreaterThan(16)
  expect(short.max_length).toBe(16)

  const generator = await openGenerator(short)
  const expected = await openGenerator(whole)
  const few = { max_new_tokens: 8, do_sample: false }
  expect(await generator.generate(words(8), few)).toBe(await expected.generate(words(8), few))
  // Up to the last row: the last new token is not read.
  expect(
    await generator.generate(
      Array.from({ length: 12 }, () => 5),
      { max_new_tokens: 9, eos_token_id: [] },
    ),
  ).toHaveLength(5)
  await expect(generator.generate(words(20), few)).rejects.toThrow(
    /prompt: no place left.*fewer than 16 tokens, found 20/,
  )
  await generator.release()
  await expected.release()

  const { graph } = short.cachedLanguageModel() as NonNullable<ReturnType<typeof short.cachedLanguageModel>>
  const config = parsed(decoderFiles(name)['config.json'])
  const opened = await createGenerator({ graph }, { config })
  await expect(opened.generate(Array.from({ length: 20 }, () => 5))).rejects.toThrow(/fewer than 16 tokens, found 20/)
  await opened.release()
})

it('cuts the texts of a training', async () => {
  const warnings: string[] = []
  const tuned = await fineTune(cut('decoder-qwen3', 16), {
    task: 'CAUSAL_LM',
    train: [{ text: words(24) }, { text: words(6) }],
    epochs: 1,
    lora: { r: 2 },
    callbacks: { onWarning: ({ message }) => warnings.push(message) },
  })
  expect(warnings.join()).toMatch(/1 of 2 .* cut to 16 tokens/)
  await tuned.release()
})
