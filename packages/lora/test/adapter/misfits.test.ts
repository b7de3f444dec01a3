import { float32, serializeSafetensors, type Tensor, tensor } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { type Adapter, AdapterError, loadAdapter, withHead, withParameters, writeAdapter } from '../../src/index.ts'
import { exported, head, models, read } from '../support/peft-adapters.ts'

const folder = temporaryFolders()

describe('what has no place is said', () => {
  const adapter = read('llama', 'suffix')
  const withTensor = (name: string, value: Tensor): Adapter => ({
    ...adapter,
    tensors: new Map([...adapter.tensors, [name, value]]),
  })
  const message = (act: () => unknown): string => {
    try {
      act()
    } catch (error) {
      expect(error).toBeInstanceOf(AdapterError)
      return (error as Error).message
    }
    throw new Error('nothing was thrown')
  }

  it('every tensor, with the nearest modules', () => {
    const lost = new Map(
      [...adapter.tensors].map(([name, value]) => [name.replace('layers.1.self_attn', 'layers.7.attn'), value]),
    )
    const text = message(() => loadAdapter(models.llama, { ...adapter, tensors: lost }))
    expect(text).toContain('2 tensors')
    expect(text).toContain('base_model.model.model.layers.7.attn.q_proj.lora_A.weight [2, 8]')
    expect(text).toContain('base_model.model.model.layers.7.attn.q_proj.lora_B.weight [8, 2]')
    expect(text).toContain('model.layers.0.self_attn.q_proj')
  })

  it.each([
    [
      'a head that the model calls otherwise',
      withHead(exported('llama'), { ...head, name: 'classifier' }),
      /head is called "score" and the model's .*name: 'score', num_labels: 3/,
    ],
    [
      'a base without a head',
      exported('llama'),
      /has a head and the model has none.*withHead\(model, \{ name: 'score', num_labels: 3/,
    ],
    [
      'a head of other classes',
      withHead(exported('llama'), { ...head, num_labels: 2 }),
      /has 3 classes, the model's 2: write withHead\(model, \{ num_labels: 3/,
    ],
  ])('%s', (_, model, text) => {
    expect(message(() => loadAdapter(model, { ...adapter, config: { ...adapter.config } }))).toMatch(text)
  })

  it('a vocabulary that was resized', () => {
    const name = 'base_model.model.model.embed_tokens.weight'
    expect(
      message(() => loadAdapter(models.llama, withTensor(name, float32([33, 8], new Float32Array(33 * 8))))),
    ).toMatch(/33 rows in training: resize/)
  })

  it('two values of one parameter', () => {
    const name = 'base_model.model.model.norm.modules_to_save.weight'
    expect(message(() => loadAdapter(models.llama, withTensor(name, float32([8], new Float32Array(8)))))).toMatch(
      /another value than "base_model.model.model.norm.weight"/,
    )
  })

  it.each([
    ['float32', float32([3, 8], new Float32Array(24).fill(Number.NaN, 5, 6)), 'NaN at element 5'],
    ['float16', tensor('float16', [3, 8], new Uint16Array(24).fill(0x7c00, 2, 3)), 'Infinity at element 2'],
    ['bfloat16', tensor('bfloat16', [3, 8], new Uint16Array(24).fill(0xff80, 0, 1)), '-Infinity at element 0'],
    ['int32', tensor('int32', [3, 8], new Int32Array(24)), 'not a tensor of floats'],
  ] as const)('%s that is no number', (dtype, value, text) => {
    const out = folder(`broken-${dtype}`)
    writeAdapter(out, loadAdapter(models.llama, adapter))
    const name = 'base_model.model.score.weight'
    storeOf(out).write('adapter_model.safetensors', [
      serializeSafetensors(new Map([...adapter.tensors, [name, value]])),
    ])
    const said = message(() => readAdapter(out))
    expect(said).toContain(name)
    expect(said).toContain(text)
  })

  it('the model that the configuration of an adapter for another one names', () => {
    const named = { ...adapter.config, base_model_name_or_path: 'someone/llama' }
    const said = /Is it an adapter for another model\? Its configuration names "someone\/llama"\./
    const resized = [...adapter.tensors].map(
      ([name, { dims }]) => [name, float32([...dims, 1], new Float32Array(dims.reduce((a, b) => a * b)))] as const,
    )
    expect(() => loadAdapter(models.bert, { ...adapter, config: named })).toThrow(said)
    expect(message(() => loadAdapter(models.llama, { tensors: new Map(resized), config: named }))).toMatch(said)
    const modules = ['model.layers.7.mlp.up_proj', 'model.layers.8.mlp.up_proj']
    expect(() =>
      loadAdapter(models.llama, { ...adapter, config: { ...adapter.config, target_modules: modules } as never }),
    ).toThrow(/no layer matches.*found \["mlp\.up_proj"\]\.?$/)
  })

  it('a base that changes when the adapter starts, in a way that is not known here', () => {
    expect(
      message(() =>
        loadAdapter(models.llama, { ...adapter, config: { ...adapter.config, init_lora_weights: 'loftq' } }),
      ),
    ).toMatch(/init_lora_weights.*path_initial_model/)
  })

  it('parameters that a model has not', () => {
    expect(message(() => withParameters(models.llama, new Map([['score.wight', float32([1], [0])]])))).toMatch(
      /score\.wight.*no such parameter/,
    )
  })
})
