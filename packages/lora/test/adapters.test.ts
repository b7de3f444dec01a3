// PEFT's variants, and adapters beside each other on one base.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packSentences } from '@cola/data'
import {
  addInitializer,
  addInput,
  build,
  createGraph,
  float32,
  foldLinear,
  type Model,
  readModel,
  simplify,
  type Tensor,
  toFloat32,
} from '@cola/graph'
import {
  adamw,
  crossEntropy,
  feedsOf,
  generateArtifacts,
  openSession,
  type OrtTensor,
  readSafetensorsFile,
  TrainingSession,
} from '@cola/train'
import { afterAll, describe, expect, it } from 'vitest'
import { hubServer } from '../../../tools/hub-server.ts'
import { moved } from '../../../tools/moved.ts'
import {
  type AdaptedModel,
  type Adapter,
  AdapterError,
  adapterStatus,
  adapterTensors,
  canonicalize,
  type CombinationType,
  combineAdapters,
  ConfigError,
  gpt2,
  inspect,
  loadAdapter,
  lora,
  type LoraConfig,
  loraPlus,
  merge,
  openAdapter,
  parseGpt2Config,
  parseAdapterConfig,
  pushAdapter,
  randomGpt2,
  readAdapter,
  switchable,
  unmerge,
  writeAdapter,
} from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-adapters-'))
afterAll(() => rmSync(folder, { recursive: true }))

const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 2,
  n_head: 2,
  n_embd: 16,
  n_positions: 16,
  vocab_size: 40,
})
const base = gpt2(config, randomGpt2(config, { seed: 2 }))
const batch = packSentences([
  [4, 5, 6, 7],
  [8, 9],
  [10, 11, 12],
])
const linear = ['c_attn', 'c_proj', 'c_fc']

async function logits({ graph }: Pick<Model, 'graph'>, further = {}): Promise<Float32Array> {
  const session = await openSession({ graph }, 'cpu')
  const { feeds } = feedsOf(graph, graph.inputs, { ...batch, ...further })
  const { logits: own } = await session.run(feeds)
  await session.release()
  return (own as OrtTensor).data as Float32Array
}

const inits: (boolean | string)[] = [true, 'gaussian', 'pissa', 'pissa_niter_4', 'olora', 'orthogonal']

describe('initializers', () => {
  it.each(inits)(
    '%s: the model computes what it did, trains, and is saved as an adapter of the unchanged base',
    async (init_lora_weights) => {
      const start = lora(
        base,
        { task_type: 'SEQ_CLS', r: 4, lora_alpha: 6, target_modules: linear, init_lora_weights },
        { seed: 3 },
      )
      expect(await logits(start)).toBeAllclose(await logits(base), { atol: 2e-5 })
      const [A, B] = ['A', 'B'].map(
        (name) =>
          start.graph.initializers.get(`base_model.model.transformer.h.0.attn.c_attn.lora_${name}.weight`) as Tensor,
      ) as [Tensor, Tensor]
      expect(toFloat32(A).some((x) => x !== 0)).toBe(true)
      expect(toFloat32(B).some((x) => x !== 0)).toBe(!(init_lora_weights === true || init_lora_weights === 'gaussian'))
      const after = moved(start, 1)
      const out = join(folder, String(init_lora_weights))
      writeAdapter(out, after)
      expect(await logits(loadAdapter(base, readAdapter(out)))).toBeAllclose(await logits(after), { atol: 2e-5 })
      expect(await logits(merge(after))).toBeAllclose(await logits(after), { atol: 2e-5 })
      expect(await logits(unmerge(merge(after)))).toBeAllclose(await logits(after), { atol: 2e-5 })
    },
  )

  it('pissa takes the greatest singular values: what is left is smaller than after any other start', () => {
    const size = ({ initializers }: Model['graph']) =>
      Math.hypot(...toFloat32(initializers.get('transformer.h.0.mlp.c_fc.weight') as Tensor))
    const left = (init: string) =>
      size(lora(base, { r: 4, lora_alpha: 4, target_modules: ['c_fc'], init_lora_weights: init }).base)
    expect(left('pissa')).toBeLessThan(left('olora'))
    expect(left('olora')).toBeLessThan(size(base.graph))
  })

  it.each(['pissa', 'olora'])('%s: switched, it is what it is loaded; combined, it is refused', async (init) => {
    const config = { task_type: 'SEQ_CLS', r: 4, lora_alpha: 6, target_modules: ['c_attn', 'wte'] }
    const adapter = { config: parseAdapterConfig({ ...config, init_lora_weights: init }) as Adapter<'LORA'>['config'] }
    const own = moved(lora(base, adapter.config, { seed: 3 }), 1)
    const raw = { ...adapter, tensors: adapterTensors(own) }
    const right = await logits(loadAdapter(base, raw))
    const switched = switchable(base, { raw })
    expect(await logits(switched, switched.feeds('raw'))).toBeAllclose(right, { atol: 2e-5 })
    expect(() => combineAdapters([{ adapter: raw }])).toThrow(/began with a part of the base matrices/)
    const out = join(folder, `plain-${init}`)
    writeAdapter(out, own)
    const plain = combineAdapters([{ adapter: readAdapter(out) as Adapter<'LORA'> }], { combination_type: 'cat' })
    expect(await logits(loadAdapter(base, plain))).toBeAllclose(right, { atol: 2e-5 })
  })

  it('names what is not known, and odd ranks where they must be even', () => {
    expect(() => lora(base, { target_modules: linear, init_lora_weights: 'loftq' })).toThrow(/init_lora_weights.*loftq/)
    expect(() => lora(base, { r: 3, target_modules: linear, init_lora_weights: 'orthogonal' })).toThrow(ConfigError)
  })
})

describe.each<[string, LoraConfig]>([
  ['DoRA', { use_dora: true }],
  ['LoRA biases', { lora_bias: true }],
  ['all biases', { bias: 'all' }],
  ['biases of adapted layers', { bias: 'lora_only' }],
  ['embeddings', { target_modules: ['wte', 'wpe'] }],
  ['tokens', { trainable_token_indices: [8, 4, 12] }],
])('%s', (_, variant) => {
  it('learns, starting from the base model', async () => {
    const start = lora(base, { task_type: 'SEQ_CLS', r: 2, target_modules: linear, ...variant })
    expect(await logits(start)).toBeAllclose(await logits(base), { atol: 1e-5 })
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(start, { loss: crossEntropy(), optimizer: adamw({ groups: loraPlus(16) }) }),
      device: 'cpu',
    })
    const labelled = { ...batch, labels: { data: Int32Array.of(1, 0, 1), dims: [3] } }
    const losses: number[] = []
    for (let step = 0; step < 20; step++) {
      session.lazyResetGrad()
      losses.push((await session.runTrainStep(labelled)).loss)
      await session.runOptimizerStep({ learningRate: 5e-3 })
    }
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2)
    const gradients = await session.getGradients()
    expect([...gradients.values()].every((value) => toFloat32(value).some((x) => x !== 0))).toBe(true)
    await session.release()
  })
})

describe('embeddings and tokens', () => {
  it('are named where they cannot be what the configuration wants', () => {
    const where = /field "trainable_token_indices"/
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: [3, 40] })).toThrow(where)
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: [3, 3] })).toThrow(
      /distinct whole numbers from 0 to 39, found 3/,
    )
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: [] })).toThrow(/found none/)
    expect(() => lora(base, { target_modules: linear, trainable_token_indices: { embed_tokens: [1] } })).toThrow(
      /expected transformer.wte, transformer.wpe, found embed_tokens/,
    )
    expect(() => lora(base, { target_modules: ['wte'], trainable_token_indices: [1] })).toThrow(
      /Name it in one of the fields only/,
    )
    expect(() => lora(base, { target_modules: ['wte'], use_dora: true })).toThrow(
      /field "use_dora", module "transformer.wte": not supported for an embedding/,
    )
  })

  it('are no part of all-linear, nor is a head that shares their matrix', () => {
    const language = gpt2(config, randomGpt2(config, { head: 'language-model' }), { head: 'language-model' })
    expect(inspect(language).map(({ kind, module }) => [kind, module.replace(/h\.\d/, 'h.N')])).toEqual(
      expect.arrayContaining([
        ['embedding', 'transformer.wte'],
        ['linear', 'transformer.h.N.attn.c_attn'],
        ['linear', 'lm_head'],
      ]),
    )
    const modules = lora(language, { target_modules: 'all-linear' }).targets.map(({ module }) => module)
    expect(modules.filter((module) => /wte|wpe|lm_head/.test(module))).toEqual([])
    expect(modules).toHaveLength(8)
  })

  it('trained tokens leave all other rows as they were', () => {
    const model = moved(lora(base, { target_modules: ['c_attn'], trainable_token_indices: [4, 9] }), 1)
    const [before, after] = [base, merge(model)].map(({ graph }) =>
      toFloat32(graph.initializers.get('transformer.wte.weight') as Tensor),
    ) as [Float32Array, Float32Array]
    const changed = Array.from({ length: 40 }, (_, row) => row).filter((row) =>
      before.slice(16 * row, 16 * row + 16).some((x, i) => x !== after[16 * row + i]),
    )
    expect(changed).toEqual([4, 9])
  })

  it('an embedding’s adapter switches and combines as others do; trained tokens do neither', async () => {
    const [first, second] = [
      adapterOf(1, { r: 2, target_modules: ['wte', 'c_fc'] }),
      adapterOf(2, { r: 3, target_modules: ['wte'] }),
    ]
    const model = switchable(base, { first, second })
    for (const [name, adapter] of Object.entries({ first, second }))
      expect(await logits(model, model.feeds(name))).toBeAllclose(await logits(loadAdapter(base, adapter)), {
        atol: 1e-5,
      })
    const combined = merge(
      loadAdapter(
        base,
        combineAdapters([{ adapter: first, weight: 0.5 }, { adapter: second }], { combination_type: 'cat', head: 0 }),
      ),
    )
    const rows = (graph: Model['graph']) => toFloat32(graph.initializers.get('transformer.wte.weight') as Tensor)
    const [w, a, b] = [
      rows(base.graph),
      ...[first, second].map((adapter) => rows(merge(loadAdapter(base, adapter)).graph)),
    ] as [Float32Array, Float32Array, Float32Array]
    expect(rows(combined.graph)).toBeAllclose(
      w.map((x, i) => x + 0.5 * ((a[i] as number) - x) + ((b[i] as number) - x)),
      { atol: 1e-5 },
    )
    const tokens = adapterOf(3, { trainable_token_indices: [1] })
    expect(() => switchable(base, { tokens })).toThrow(/trained tokens cannot be switched/)
    expect(() => combineAdapters([{ adapter: tokens }])).toThrow(/no trained tokens/)
  })
})

it('draws one dropout mask for what several layers read', () => {
  const graph = readModel(
    readFileSync(join(import.meta.dirname, '../../../tools/parity/fixtures/onnx-llama-dynamo/model.onnx')),
  )
  const folded = foldLinear(simplify(graph))
  canonicalize(folded, 'llama')
  const model = lora(
    { graph: folded, trainable: new Set() },
    { r: 2, lora_dropout: 0.1, target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj'] },
  )
  const layers = model.targets.length / 4
  expect(model.graph.nodes.filter(({ opType }) => opType === 'Dropout')).toHaveLength(2 * layers)
})

it('says what is adapted, trained and active', () => {
  const start = lora(base, { r: 2, target_modules: ['c_fc'] })
  expect(adapterStatus(start)).toEqual(
    [0, 1].map((i) => ({ module: `transformer.h.${i}.mlp.c_fc`, r: 2, scaling: 4, trainable: true, active: false })),
  )
  expect(adapterStatus(moved(start, 1)).every(({ active }) => active)).toBe(true)
})

const adapterOf = (seed: number, options: LoraConfig): Adapter => {
  const model = moved(lora(base, { task_type: 'SEQ_CLS', target_modules: linear, ...options }, { seed }), seed)
  return { config: model.config, tensors: adapterTensors(model) }
}

describe('the hub', () => {
  it('takes an adapter and gives it back', async () => {
    const model = moved(lora(base, { task_type: 'SEQ_CLS', r: 2, target_modules: linear }), 5)
    const hub = await hubServer({}, 'e'.repeat(40))
    const options = { endpoint: hub.endpoint, token: 'hf_test' }
    expect(await pushAdapter('someone/adapter', model, { ...options, baseModel: 'openai-community/gpt2' })).toBe(
      'e'.repeat(40),
    )
    await hub.close()
    expect([...hub.pushed.keys()].sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors'])

    const again = await hubServer(Object.fromEntries(hub.pushed), 'f'.repeat(40))
    const adapter = await openAdapter('someone/adapter', { endpoint: again.endpoint, cacheDir: join(folder, 'cache') })
    expect(adapter.config.base_model_name_or_path).toBe('openai-community/gpt2')
    expect(await logits(loadAdapter(base, adapter))).toBeAllclose(await logits(model))
    again.mode = 'refuse'
    await expect(pushAdapter('someone/adapter', model, { ...options, endpoint: again.endpoint })).rejects.toThrow(
      /someone\/adapter/,
    )
    await expect(pushAdapter('someone/adapter', model, { endpoint: again.endpoint, token: '' })).rejects.toThrow(
      /no token to write with/,
    )
    await again.close()
  })
})

describe('switchable', () => {
  const adapters = {
    first: adapterOf(1, { r: 2 }),
    second: adapterOf(2, { r: 5, lora_alpha: 3, target_modules: ['c_attn'] }),
  }

  it('computes with each adapter, and with none, in one session', async () => {
    const model = switchable(base, adapters)
    expect([model.rank, model.adapters]).toEqual([5, ['first', 'second']])
    const session = await openSession({ graph: model.graph }, 'cpu')
    const run = async (adapter?: string, options?: { scale?: number }) => {
      const { feeds } = feedsOf(model.graph, model.graph.inputs, { ...batch, ...model.feeds(adapter, options) })
      return ((await session.run(feeds)).logits as OrtTensor).data as Float32Array
    }
    for (const name of ['first', 'second'] as const)
      expect(await run(name)).toBeAllclose(await logits(loadAdapter(base, adapters[name])), { atol: 1e-5 })
    expect(await run()).toBeAllclose(await logits(base), { atol: 1e-6 })
    await session.release()
    expect(() => model.feeds('third')).toThrow(/adapter "third": not one of this model, expected first, second/)
  })

  it('switches in less than 5 ms for as many matrices as GPT-2 has', () => {
    const deep = parseGpt2Config({
      model_type: 'gpt2',
      n_layer: 12,
      n_head: 12,
      n_embd: 768,
      n_positions: 16,
      vocab_size: 40,
    })
    const large = gpt2(deep, randomGpt2(deep))
    const own = lora(large, { task_type: 'SEQ_CLS', r: 4, target_modules: linear })
    const { feeds } = switchable(large, { a: { config: own.config, tensors: adapterTensors(own) } })
    feeds('a')
    const started = performance.now()
    for (let i = 0; i < 100; i++) feeds(i % 2 ? 'a' : undefined)
    // A bound a hundred times what it takes: what is shown is that nothing is computed.
    expect((performance.now() - started) / 100).toBeLessThan(5)
  })

  it('refuses what is no sum', () => {
    expect(() => switchable(base, {})).toThrow(/no adapters/)
    expect(() => switchable(base, { a: adapterOf(1, { use_dora: true }) })).toThrow(/DoRA/)
  })
})

describe('combineAdapters', () => {
  const { tensors } = readSafetensorsFile(join(import.meta.dirname, 'fixtures/combine.safetensors'))
  const of = (name: string) =>
    new Map(
      [...tensors]
        .filter(([key]) => key.startsWith(`${name}:`))
        .map(([key, value]) => [key.slice(name.length + 1), value]),
    )
  const peft = parseAdapterConfig({ r: 3, lora_alpha: 6, target_modules: ['first', 'second'] })
  const list = [
    { adapter: { config: peft, tensors: of('a') }, weight: 0.7 },
    { adapter: { config: peft, tensors: of('b') }, weight: -0.4 },
  ]

  it.each([
    ['linear', {}],
    ['cat', {}],
    ['ties', { density: 0.6 }],
    ['ties', { density: 0.6, majority_sign_method: 'frequency' as const }],
    ['magnitude_prune', { density: 0.5 }],
  ] as [CombinationType, { density?: number; majority_sign_method?: 'frequency' }][])(
    '%s %j gives PEFT’s matrices',
    (combination_type, options) => {
      const combined = combineAdapters(list, { combination_type, ...options })
      const expected = of(options.majority_sign_method ? 'ties_frequency' : combination_type)
      expect([...combined.tensors.keys()].sort()).toEqual([...expected.keys()].sort())
      for (const [name, value] of expected) {
        expect(combined.tensors.get(name)?.dims).toEqual(value.dims)
        expect(toFloat32(combined.tensors.get(name) as Tensor)).toBeAllclose(toFloat32(value), { atol: 1e-6 })
      }
      expect(combined.config.lora_alpha / combined.config.r).toBe(1)
    },
  )

  it('svd gives PEFT’s product', () => {
    const product = (matrices: ReadonlyMap<string, Tensor>, module: string): number[] => {
      const [A, B] = ['A', 'B'].map(
        (name) => matrices.get(`base_model.model.${module}.lora_${name}.weight`) as Tensor,
      ) as [Tensor, Tensor]
      const [a, b] = [toFloat32(A), toFloat32(B)]
      const [r, inputs] = A.dims as [number, number]
      return Array.from({ length: b.length / r }, (_, o) =>
        Array.from({ length: inputs }, (_, i) =>
          Array.from({ length: r }, (_, k) => (b[o * r + k] as number) * (a[k * inputs + i] as number)).reduce(
            (x, y) => x + y,
          ),
        ),
      ).flat()
    }
    const combined = combineAdapters(list, { combination_type: 'svd', svd_rank: 2 })
    for (const module of ['first', 'second'])
      expect(product(combined.tensors, module)).toBeAllclose(product(of('svd'), module), { atol: 1e-5 })
  })

  it('dare keeps a share of the values, grown so that their mean stays, and repeats', () => {
    const options = { combination_type: 'dare_linear' as const, density: 0.5, seed: 4 }
    const [one, again] = [combineAdapters(list, options), combineAdapters(list, options)]
    for (const [name, value] of one.tensors)
      expect(toFloat32(again.tensors.get(name) as Tensor)).toEqual(toFloat32(value))
    const zeros = [...one.tensors.values()].flatMap((value) => [...toFloat32(value)]).filter((x) => x === 0).length
    expect(zeros).toBeGreaterThan(5)
  })

  it('what cat makes computes the weighted sum, and loads', async () => {
    const [first, second] = [adapterOf(1, { r: 2 }), adapterOf(2, { r: 3, target_modules: ['c_attn'] })]
    const combined = combineAdapters([{ adapter: first, weight: 0.5 }, { adapter: second }], {
      combination_type: 'cat',
      head: 0,
    })
    const model = loadAdapter(base, combined)
    const delta = (m: AdaptedModel) =>
      toFloat32(merge(m).graph.initializers.get('transformer.h.0.attn.c_attn.weight') as Tensor)
    const [w, a, b] = [
      toFloat32(base.graph.initializers.get('transformer.h.0.attn.c_attn.weight') as Tensor),
      delta(loadAdapter(base, first)),
      delta(loadAdapter(base, second)),
    ]
    expect(delta(model)).toBeAllclose(
      w.map((x, i) => x + 0.5 * ((a[i] as number) - x) + ((b[i] as number) - x)),
      { atol: 1e-6 },
    )
  })

  it('refuses ranks that differ, clashing heads and nothing', () => {
    const [first, second] = [adapterOf(1, { r: 2 }), adapterOf(2, { r: 3 })]
    expect(() => combineAdapters([{ adapter: first }, { adapter: second }], { head: 0 })).toThrow(
      /the ranks differ, expected 2, found 3/,
    )
    expect(() => combineAdapters([{ adapter: first }, { adapter: first }])).toThrow(/several adapters have a head/)
    expect(() => combineAdapters([])).toThrow(AdapterError)
  })
})

describe('any graph', () => {
  it('is named by the modules that PyTorch’s newer exporter notes, where it dropped the parameters’ names', () => {
    const graph = readModel(
      readFileSync(join(import.meta.dirname, '../../../tools/parity/fixtures/onnx-llama-dynamo/model.onnx')),
    )
    canonicalize(graph, 'llama')
    expect(
      inspect({ graph })
        .slice(0, 3)
        .map(({ module }) => module),
    ).toEqual(['q_proj', 'k_proj', 'v_proj'].map((name) => `model.layers.0.self_attn.${name}`))
  })

  it('has its linear layers found, biased or not, transposed or not, under whatever name', () => {
    const graph = createGraph('exported')
    const g = build(graph)
    const weight = (name: string, dims: number[]) =>
      addInitializer(graph, name, float32(dims, new Float32Array(dims.reduce((a, b) => a * b, 1)).fill(0.1)))
    const x = addInput(graph, 'x', 'float32', ['batch', 'sequence', 4])
    const query = g.Add(
      g.node('MatMul', [x, weight('onnx::MatMul_7', [4, 4])], { scope: 'encoder.query' })[0] as never,
      weight('encoder.query.bias', [4]),
    )
    const key = g.node('MatMul', [query, weight('onnx::MatMul_8', [4, 6])], { scope: 'encoder.key' })[0] as never
    const value = g.MatMul(key, g.Transpose(weight('encoder.value.weight', [3, 6]), { perm: [1, 0] }))
    const flat = g.Reshape(value, g.int64([-1, 3]))
    graph.outputs = [g.Gemm(flat, weight('head.weight', [2, 3]), weight('head.bias', [2]), { transB: 1 }).name]
    const model = { graph, trainable: new Set<string>() }
    expect(
      inspect(model).map(({ module, transposed, inFeatures, outFeatures, bias }) => [
        module,
        transposed,
        inFeatures,
        outFeatures,
        bias,
      ]),
    ).toEqual([
      ['encoder.query', false, 4, 4, 'encoder.query.bias'],
      ['encoder.key', false, 4, 6, undefined],
      ['encoder.value', true, 6, 3, undefined],
      ['head', true, 3, 2, 'head.bias'],
    ])
    expect(() => lora(model, { target_modules: ['quary'] })).toThrow(/no layer matches.*encoder\.query/)
    expect(lora(model, { target_modules: ['query', 'value'] }).targets.map(({ module }) => module)).toEqual([
      'encoder.query',
      'encoder.value',
    ])
  })
})
