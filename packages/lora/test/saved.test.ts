// Everything that an adapter file holds takes part: what PEFT saved in full, the names it saved it under, and what says
// that something has no place.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  cloneGraph,
  elements,
  float32,
  foldLinear,
  type Graph,
  readModel,
  renameValues,
  serializeSafetensors,
  simplify,
  type Tensor,
  tensor,
  toFloat32,
} from '@cola/graph'
import { openSession, OrtTensor, readSafetensorsFile } from '@cola/train'
import { afterAll, describe, expect, it } from 'vitest'
import { moved } from '../../../tools/moved.ts'
import {
  type Adapter,
  AdapterError,
  adapterStatus,
  adapterTensors,
  canonicalize,
  combineAdapters,
  ConfigError,
  countParameters,
  gpt2,
  type HeadedModel,
  loadAdapter,
  lora,
  type LoraConfig,
  type LoraModel,
  merge,
  onnxAdapter,
  parseGpt2Config,
  randomGpt2,
  readAdapter,
  switchable,
  unmerge,
  withHead,
  withMaskedInputs,
  withParameters,
  writeAdapter,
} from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-saved-'))
afterAll(() => rmSync(folder, { recursive: true }))
const fixtures = join(import.meta.dirname, 'fixtures/adapters')

/** A model of fixtures/adapters as `openOnnxModel` would give it. */
function exported(name: 'bert' | 'llama'): HeadedModel {
  const graph = foldLinear(simplify(readModel(readFileSync(join(fixtures, name, 'model.onnx')))))
  canonicalize(graph, name)
  return { graph, trainable: new Set() }
}
const head = { num_labels: 3, pooling: 'last', name: 'score' } as const
const models = { bert: exported('bert'), llama: withHead(exported('llama'), head) }
const expected = { bert: expectedOf('bert'), llama: expectedOf('llama') }
const read = (name: keyof typeof models, variant: string): Adapter => readAdapter(join(fixtures, name, variant))

function expectedOf(name: string): ReadonlyMap<string, Tensor> {
  return readSafetensorsFile(join(fixtures, name, 'expected.safetensors')).tensors
}

async function outputOf(
  name: keyof typeof models,
  model: { graph: Graph },
  further: Record<string, { data: unknown; dims: readonly number[] }> = {},
) {
  const graph = withMaskedInputs({ ...model, trainable: new Set() })
  const session = await openSession({ graph }, 'cpu')
  const inputs = ['input_ids', 'attention_mask'].map((input) => {
    const value = expected[name].get(input) as Tensor
    return [input, new OrtTensor('int64', elements(value) as BigInt64Array, value.dims)] as const
  })
  const others = Object.entries(further).map(
    ([input, { data, dims }]) => [input, new OrtTensor('float32', data as Float32Array, dims)] as const,
  )
  const results = await session.run(Object.fromEntries([...inputs, ...others]))
  await session.release()
  return (results[graph.outputs[0] as string] as OrtTensor).data as Float32Array
}

const cases = [
  ['bert', 'bare'],
  ['bert', 'bare-regex'],
  ['bert', 'bare-bias'],
  ['llama', 'suffix'],
  ['llama', 'embeddings'],
  ['llama', 'pissa'],
  ['llama', 'olora'],
  ['llama', 'bfloat16'],
] as const

describe.each(cases)('PEFT’s adapter %s %s', (name, variant) => {
  const adapter = read(name, variant)
  const right = (kind: string) => toFloat32(expected[name].get(`${variant}.${kind}`) as Tensor)

  it('computes what PEFT does, merged and not, and after being unmerged', async () => {
    const loaded = loadAdapter(models[name], adapter)
    expect(await outputOf(name, loaded)).toBeAllclose(right('output'), { atol: 2e-5 })
    expect(await outputOf(name, merge(loaded))).toBeAllclose(right('merged'), { atol: 2e-5 })
    expect(await outputOf(name, unmerge(merge(loaded)))).toBeAllclose(right('output'), { atol: 2e-5 })
  })

  it('is written back, and computes the same', async () => {
    const [loaded, out] = [loadAdapter(models[name], adapter), join(folder, `${name}-${variant}`)]
    writeAdapter(out, loaded)
    const again = readAdapter(out)
    expect([...again.tensors.keys()].sort()).toEqual([...adapter.tensors.keys()].sort())
    expect(again.config.task_type).toBe(adapter.config.task_type)
    expect(await outputOf(name, loadAdapter(models[name], again))).toBeAllclose(right('output'), { atol: 2e-5 })
  })
})

describe('beside each other', () => {
  const variants = ['suffix', 'embeddings', 'bfloat16'] as const
  const adapters = Object.fromEntries(variants.map((variant) => [variant, read('llama', variant)]))

  it('switch, norms, embeddings and heads too', async () => {
    const model = switchable(models.llama, adapters)
    for (const variant of variants)
      expect(await outputOf('llama', model, model.feeds(variant))).toBeAllclose(
        toFloat32(expected.llama.get(`${variant}.output`) as Tensor),
        { atol: 2e-5 },
      )
    expect(await outputOf('llama', model, model.feeds())).toBeAllclose(await outputOf('llama', models.llama), {
      atol: 1e-6,
    })
    const overridable = switchable(models.llama, adapters, { inputs: 'overridable' })
    const bytes = new TextDecoder('latin1').decode(onnxAdapter(overridable, 'embeddings'))
    for (const saved of ['model.embed_tokens.weight', 'model.norm.weight', 'score.weight'])
      expect(bytes).toContain(saved)
  })

  it('an adapter of the bare model switches with one that has the prefix', async () => {
    const of = (options: LoraConfig, seed: number) =>
      moved(lora(models.bert, { r: 2, modules_to_save: ['LayerNorm'], ...options }), seed)
    const bare = of({ target_modules: ['query', 'value'], task_type: 'FEATURE_EXTRACTION' }, 3)
    const prefixed = of({ target_modules: ['query', 'key'] }, 4)
    const adapter = (model: LoraModel) => ({ config: model.config, tensors: adapterTensors(model) })
    const model = switchable(models.bert, { bare: adapter(bare), prefixed: adapter(prefixed) })
    expect(await outputOf('bert', model, model.feeds('bare'))).toBeAllclose(await outputOf('bert', bare), {
      atol: 2e-5,
    })
    expect(await outputOf('bert', model, model.feeds('prefixed'))).toBeAllclose(await outputOf('bert', prefixed), {
      atol: 2e-5,
    })
  })

  it('combine: what one alone has is kept whole, what several have is one’s', async () => {
    const of = (options: LoraConfig, seed: number) => {
      const model = moved(lora(models.llama, { r: 2, target_modules: ['q_proj'], ...options }), seed)
      return { model, adapter: { config: model.config, tensors: adapterTensors(model) } }
    }
    const [first, second] = [of({ modules_to_save: ['model.norm'] }, 1), of({ modules_to_save: ['score'] }, 2)]
    const combined = combineAdapters([{ adapter: first.adapter, weight: 0.5 }, { adapter: second.adapter }], {
      combination_type: 'cat',
    })
    expect(combined.config.modules_to_save).toEqual(['model.norm', 'score'])
    const value = ({ graph }: { graph: Graph }, name: string) => toFloat32(graph.initializers.get(name) as Tensor)
    const merged = merge(loadAdapter(models.llama, combined))
    expect(value(merged, 'model.norm.weight')).toEqual(value(first.model, 'model.norm.weight'))
    expect(value(merged, 'score.weight')).toEqual(value(second.model, 'score.weight'))
    const both = [first, of({ modules_to_save: ['model.norm'] }, 3)].map(({ adapter }) => ({ adapter }))
    expect(() => combineAdapters(both)).toThrow(/base_model\.model\.model\.norm\.weight in adapters 0, 1.*option head/)
    expect(
      toFloat32(combineAdapters(both, { head: 1 }).tensors.get('base_model.model.model.norm.weight') as Tensor),
    ).toEqual(toFloat32(both[1]?.adapter.tensors.get('base_model.model.model.norm.weight') as Tensor))
  })
})

describe('names', () => {
  it('are the bare model’s for FEATURE_EXTRACTION, and the classifier’s otherwise', () => {
    const first = (config: LoraConfig) =>
      [...adapterTensors(lora(models.bert, { r: 2, target_modules: ['query'], ...config })).keys()][0]
    expect(first({ task_type: 'FEATURE_EXTRACTION' })).toBe(
      'base_model.model.encoder.layer.0.attention.self.query.lora_A.weight',
    )
    expect(first({})).toBe('base_model.model.bert.encoder.layer.0.attention.self.query.lora_A.weight')
  })

  it('of a bare model leave out transformers’ prefix alone: OPTModel has its decoder in a module of its own', () => {
    const graph = cloneGraph(models.bert.graph)
    const moved = (name: string) => name.replace(/^bert\./, 'model.decoder.')
    renameValues(
      graph,
      new Map([...graph.initializers.keys()].filter((name) => moved(name) !== name).map((name) => [name, moved(name)])),
    )
    const opt = lora(
      { graph, trainable: new Set() },
      { r: 2, target_modules: ['query'], task_type: 'FEATURE_EXTRACTION' },
    )
    const [name] = adapterTensors(opt).keys()
    expect(name).toBe('base_model.model.decoder.encoder.layer.0.attention.self.query.lora_A.weight')
  })

  it('that end in one of modules_to_save are trained, at a dot or not, with all that is in them', () => {
    const saved = (modules_to_save: string[], config: LoraConfig = {}) =>
      [...lora(models.llama, { r: 2, target_modules: ['q_proj'], modules_to_save, ...config }).trainable].filter(
        (name) => !name.includes('lora_'),
      )
    expect(saved(['norm'])).toHaveLength(5)
    expect(saved(['model.norm'])).toEqual(['model.norm.weight'])
    expect(saved(['layers.1.mlp']).map((name) => name.split('.').at(-2))).toEqual(['gate_proj', 'up_proj', 'down_proj'])
    expect(saved(['ore'])).toEqual(['score.weight'])
    expect(saved([], { task_type: 'TOKEN_CLS' })).toEqual(['score.weight'])
  })

  it('that lie in one another are warned of: PEFT cannot load what it saves of them', () => {
    const { warnings } = lora(models.llama, {
      r: 2,
      target_modules: ['q_proj'],
      modules_to_save: ['layers.1.mlp', '1.mlp.up_proj'],
    })
    expect(warnings.filter((text) => text.includes('lies in'))).toEqual([
      'modules_to_save: "model.layers.1.mlp.up_proj" lies in "model.layers.1.mlp", which is saved too; PEFT cannot load that',
    ])
  })

  it('that would be both are refused, and left out of all-linear', () => {
    const config = { r: 2, modules_to_save: ['_proj'] }
    expect(() => lora(models.llama, { ...config, target_modules: ['q_proj'] })).toThrow(ConfigError)
    expect(() => lora(models.llama, { ...config, target_modules: ['q_proj'] })).toThrow(
      /exclude_modules: \["model\.layers\.0\.self_attn\.q_proj"/,
    )
    const wide = lora(models.llama, { r: 2, modules_to_save: ['up_proj', 'n_proj'], target_modules: 'all-linear' })
    expect(wide.config.exclude_modules).toEqual(['model.layers.0.mlp.down_proj', 'model.layers.1.mlp.down_proj'])
    expect(wide.targets.some(({ module }) => module.includes('down_proj'))).toBe(false)
    expect(wide.trainable.has('model.layers.0.mlp.down_proj.weight')).toBe(true)
  })

  it('are written for all-linear, as PEFT does: where it loads them there may be more layers, such as a pooler', () => {
    const model = lora(models.bert, { r: 2, target_modules: 'all-linear', task_type: 'FEATURE_EXTRACTION' })
    writeAdapter(join(folder, 'all-linear'), model)
    const { target_modules } = readAdapter(join(folder, 'all-linear')).config
    expect(target_modules).toEqual(model.targets.map(({ module }) => module).sort())
    expect(target_modules).toContain('encoder.layer.0.attention.self.query')
    expect(loadAdapter(models.bert, readAdapter(join(folder, 'all-linear'))).targets).toEqual(model.targets)
  })
})

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
    const out = join(folder, `broken-${dtype}`)
    writeAdapter(out, loadAdapter(models.llama, adapter))
    const name = 'base_model.model.score.weight'
    writeFileSync(
      join(out, 'adapter_model.safetensors'),
      serializeSafetensors(new Map([...adapter.tensors, [name, value]])),
    )
    const said = message(() => readAdapter(out))
    expect(said).toContain(name)
    expect(said).toContain(text)
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

describe('a head', () => {
  const labels = ['greeting', 'question', 'order']
  const model = withHead(exported('llama'), { ...head, labels })
  const out = join(folder, 'head')

  it('is saved as what it was trained, and held against the model’s', () => {
    writeAdapter(out, moved(lora(model, { task_type: 'SEQ_CLS', r: 2, target_modules: ['q_proj'] }), 1))
    expect(JSON.parse(readFileSync(join(out, 'head_config.json'), 'utf8'))).toEqual({
      head: 'score',
      num_labels: 3,
      pooling: 'last',
      id2label: { 0: 'greeting', 1: 'question', 2: 'order' },
    })
    const adapter = readAdapter(out)
    expect(loadAdapter(model, adapter).head).toEqual({ ...head, labels })
    expect(loadAdapter(models.llama, adapter).head?.labels).toEqual(labels)
    const refused = (options: object) => () =>
      loadAdapter(withHead(exported('llama'), { ...head, ...options }), adapter)
    expect(refused({ pooling: 'mean' })).toThrow(
      /field "pooling".*expected last, found mean.*withHead\(model, \{ pooling: 'last'/,
    )
    expect(refused({ labels: ['question', 'greeting', 'order'] })).toThrow(
      /field "labels".*expected \["greeting","question","order"\]/,
    )
    expect(refused({ num_labels: 2 })).toThrow(/field "num_labels".*expected 3, found 2/)
    expect(refused({ name: 'classifier' })).toThrow(/field "name".*expected score, found classifier/)
  })

  it('that nothing trains is said', () => {
    const untrained = lora(model, { r: 2, target_modules: ['q_proj'] })
    expect(untrained.warnings).toEqual([expect.stringMatching(/head "score" is not among what is trained/)])
    expect(lora(model, { r: 2, target_modules: ['q_proj'], task_type: 'SEQ_CLS' }).warnings).toEqual([])
  })

  it('has one name a class', () => {
    expect(() => withHead(exported('llama'), { ...head, labels: ['a'] })).toThrow(/"labels".*expected 3/)
    writeFileSync(join(out, 'head_config.json'), '{"head":"score","num_labels":3,"pooling":"max"}')
    expect(() => readAdapter(out)).toThrow(/head_config\.json, field "pooling"/)
  })
})

describe('a language model whose head shares the embeddings', () => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 1,
    n_head: 2,
    n_embd: 8,
    n_positions: 16,
    vocab_size: 40,
  })
  const language = gpt2(config, randomGpt2(config, { head: 'language-model', seed: 3 }), { head: 'language-model' })
  const tuned = (options: LoraConfig): LoraModel =>
    moved(lora(language, { r: 2, target_modules: ['c_attn'], task_type: 'CAUSAL_LM', ...options }), 2)
  const run = async (
    model: { graph: Graph },
    further: Record<string, { data: unknown; dims: readonly number[] }> = {},
  ) => {
    const session = await openSession({ graph: model.graph }, 'cpu')
    const ints = (data: number[]) => new OrtTensor('int32', Int32Array.from(data), [1, 4])
    const own = { input_ids: ints([4, 5, 6, 7]), position_ids: ints([0, 1, 2, 3]), segment_ids: ints([1, 1, 1, 1]) }
    const others = Object.entries(further).map(
      ([name, { data, dims }]) => [name, new OrtTensor('float32', data as Float32Array, dims)] as const,
    )
    const all = { ...own, ...Object.fromEntries(others) }
    const results = await session.run(
      Object.fromEntries(model.graph.inputs.map((name) => [name, all[name as 'input_ids']])),
    )
    await session.release()
    return (results.logits as OrtTensor).data as Float32Array
  }

  it.each([
    ['the embedding', { modules_to_save: ['wte'] }],
    ['the head', { modules_to_save: ['lm_head'] }],
    ['both apart', { modules_to_save: ['wte', 'lm_head'] }],
    ['both as one', { modules_to_save: ['lm_head'], ensure_weight_tying: true }],
    ['LoRA on the head', { target_modules: ['lm_head'] }],
    ['LoRA on both', { target_modules: ['lm_head', 'wte'] }],
  ] as [string, LoraConfig][])('has %s trained, merged, switched and loaded alike', async (_, options) => {
    const model = tuned(options)
    const right = await run(model)
    expect(right).not.toBeAllclose(await run(language), { atol: 1e-2 })
    expect(await run(merge(model))).toBeAllclose(right, { atol: 1e-5 })
    const adapter = { config: model.config, tensors: adapterTensors(model) }
    expect(await run(loadAdapter(language, adapter))).toBeAllclose(right, { atol: 1e-6 })
    const other = tuned({})
    const both = switchable(language, { adapter, other: { config: other.config, tensors: adapterTensors(other) } })
    expect(await run(both, both.feeds('adapter'))).toBeAllclose(right, { atol: 1e-5 })
    expect(await run(both, both.feeds('other'))).toBeAllclose(await run(other), { atol: 1e-5 })
  })

  it('refuses LoRA on both as one', () => {
    expect(() => lora(language, { target_modules: ['wte'], ensure_weight_tying: true })).toThrow(/ensure_weight_tying/)
  })

  it('counts a parted head, and says which layers do something', () => {
    const count = (options: LoraConfig) =>
      countParameters(lora(language, { r: 2, target_modules: ['c_attn'], ...options }))
    expect(count({ modules_to_save: ['lm_head'] }).total - count({}).total).toBe(40 * 8)
    const active = (options: LoraConfig) =>
      adapterStatus(lora(language, { r: 2, target_modules: ['wte', 'c_attn'], ...options })).map((row) => row.active)
    expect(active({})).toEqual([false, false])
    const dora = lora(language, { r: 2, target_modules: ['c_attn'], use_dora: true })
    expect(adapterStatus(dora)[0]?.active).toBe(false)
    const magnitudes = [...dora.trainable].find((name) => name.includes('magnitude')) as string
    const longer = withParameters(dora, new Map([[magnitudes, float32([24], new Float32Array(24).fill(2))]]))
    expect(adapterStatus(longer)[0]?.active).toBe(true)
  })
})

it('writes a PiSSA adapter of a large layer', () => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 1,
    n_head: 2,
    n_embd: 4,
    n_inner: 70_000,
    n_positions: 4,
    vocab_size: 8,
  })
  const start = lora(gpt2(config, randomGpt2(config)), {
    r: 2,
    target_modules: ['mlp.c_proj'],
    init_lora_weights: 'pissa',
  })
  const out = join(folder, 'large')
  writeAdapter(out, start)
  const A = readAdapter(out).tensors.get('base_model.model.transformer.h.0.mlp.c_proj.lora_A.weight') as Tensor
  expect(A.dims).toEqual([4, 70_000])
})
