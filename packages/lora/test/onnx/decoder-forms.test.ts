// Decoders in the forms in which Optimum has exported them, against transformers (test/make-decoder-forms.py).

import { join } from 'node:path'
import {
  addInput,
  build,
  type Builder,
  createGraph,
  elements,
  float32,
  getValue,
  parseSafetensors,
  type Tensor,
  toFloat32,
  toNumbers,
  type Value,
  writeModel,
} from '@cola/graph'
import { feedsOf, openSession, type OrtTensor } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { ConfigError, createGenerator, fineTune, inspect, openBase, openOnnxModel } from '../../src/index.ts'
import { json, read, wordTokenizer } from '../support/decoder-files.ts'

const fixtures = join(import.meta.dirname, '../fixtures/decoder-forms')
const { tensors } = parseSafetensors(read(join(fixtures, 'expected.safetensors')))
const expected = (name: string): Tensor => tensors.get(name) as Tensor

/** A repository with one form under the name that it has on the hub. */
const files = (form: string, path: string) => ({
  'config.json': read(join(fixtures, 'config.json')),
  'tokenizer.json': json(wordTokenizer(40)),
  'tokenizer_config.json': json({ eos_token: 'w2' }),
  [path]: read(join(fixtures, `${form}.onnx`)),
})

describe.each([
  ['num_logits_to_keep', 'onnx/model.onnx', true],
  ['dynamic_cache', 'onnx/model.onnx', true],
  ['decoder_model_merged', 'onnx/decoder_model_merged.onnx', false],
])('%s', (form, path, cached) => {
  const source = files(form, path)

  it('opens with transformers’ modules, and has its logits at every token', async () => {
    const base = await openBase(source)
    expect((await openOnnxModel(source)).file).toBe(path)
    const { graph } = base.languageModel()
    expect([...graph.inputs].sort()).toEqual(['attention_mask', 'input_ids', 'position_ids'])
    expect(getValue(graph, 'logits').shape).toEqual([...getValue(graph, 'input_ids').shape, 40])
    expect(inspect({ graph }).map(({ module }) => module)).toContain('model.layers.0.self_attn.q_proj')
    const { dims } = expected('input_ids')
    const ids = toNumbers(expected('input_ids'))
    const int64 = (values: readonly number[]) => ({ data: BigInt64Array.from(values, BigInt), dims })
    const batch = {
      input_ids: int64(ids),
      attention_mask: { data: elements(expected('attention_mask')) as BigInt64Array, dims },
      position_ids: int64(ids.map((_, i) => i % (dims[1] as number))),
    }
    const session = await openSession({ graph }, 'cpu')
    const { logits } = await session.run(feedsOf(graph, graph.inputs, batch).feeds)
    await session.release()
    expect((logits as OrtTensor).data as Float32Array).toBeAllclose(toFloat32(expected('logits')), { atol: 1e-5 })
  })

  it('is fine-tuned, and generates transformers’ tokens', async () => {
    const prompt = toNumbers(expected('input_ids')).slice(0, 3)
    const greedy = toNumbers(expected('greedy'))
    const base = await openBase(source)
    const decoder = base.cachedLanguageModel()
    expect(decoder !== undefined).toBe(cached)
    if (decoder) {
      const generator = await createGenerator(decoder, { config: base.config })
      const options = { max_new_tokens: greedy.length, eos_token_id: [] }
      expect(await generator.generate(prompt, options)).toEqual(greedy)
      await generator.release()
    }
    const text = (ids: readonly number[]) => ids.map((id) => `w${id}`).join(' ')
    const tuned = await fineTune(source, {
      task: 'CAUSAL_LM',
      train: [{ text: 'w4 w5 w6' }, { text: 'w7 w8' }],
      epochs: 1,
      learning_rate: 0,
      device: 'cpu',
    })
    const options = { max_new_tokens: greedy.length, eos_token_id: [] }
    expect(await tuned.generate(text(prompt), options)).toBe(` ${text(greedy)}`)
    await tuned.release()
  })
})

describe('forms that are refused say what to do', () => {
  const weight = (g: Builder, name: string, dims: [number, number]): Value =>
    g.constant(
      name,
      float32(
        dims,
        Float32Array.from({ length: dims[0] * dims[1] }, (_, i) => Math.sin(i)),
      ),
    )
  const embedded = (g: Builder): Value =>
    g.Gather(weight(g, 'model.embed_tokens.weight', [40, 16]), addInput(g.graph, 'input_ids', 'int64', ['b', 's']))
  const forms: [string, RegExp, (g: Builder) => Value][] = [
    [
      'a decoder that begins after the embeddings',
      /found inputs_embeds.*embeddings, which are in a file of their own.*Export the decoder with input_ids/,
      (g) => addInput(g.graph, 'inputs_embeds', 'float32', ['b', 's', 16]),
    ],
    [
      'the decoder of an encoder-decoder model',
      /found encoder_hidden_states.*encoder-decoder model/,
      (g) => g.Add(embedded(g), addInput(g.graph, 'encoder_hidden_states', 'float32', ['b', 's', 16])),
    ],
    [
      'logits of the last token',
      /no logits of the next token.*last token only: build the file without prune_lm_head/,
      (g) => g.Gather(embedded(g), g.int64([-1]), { axis: 1 }),
    ],
  ]
  it.each(forms)('%s', async (_, message, states) => {
    const graph = createGraph('form')
    const g = build(graph)
    g.node('MatMul', [states(g), weight(g, 'lm_head.weight', [16, 40])], { outputs: ['logits'] })
    graph.outputs = ['logits']
    const base = await openBase({ ...files('num_logits_to_keep', 'unused.onnx'), 'onnx/model.onnx': writeModel(graph) })
    const opened = () => base.batches(base.languageModel().graph)([{ input_ids: [3, 4] }])
    expect(opened).toThrow(ConfigError)
    expect(opened).toThrow(message)
  })
})
