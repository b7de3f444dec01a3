import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { packSentences } from '@cola/data'
import { elements, float32, serializeSafetensors, type Tensor, tensorOf, toFloat32 } from '@cola/graph'
import {
  adam,
  ConfigError,
  crossEntropy,
  generateArtifacts,
  openSession,
  OrtTensor,
  TrainingSession,
  loadClassifier,
  writeClassifier,
} from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { reportLora } from '../../../examples/support/report/lora-config.ts'
import { type HubServer, hubServer } from '../../../tools/hub-server.ts'
import {
  countParameters,
  exportClassifier,
  formatParameters,
  gpt2,
  gpt2Parameters,
  gpt2Shapes,
  loadAdapter,
  loadPretrained,
  lora,
  merge,
  parseGpt2Config,
  randomGpt2,
  readAdapter,
  withPaddedInputs,
  writeAdapter,
} from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-lora-'))
afterAll(() => rmSync(folder, { recursive: true }))
const small = { model_type: 'gpt2', n_layer: 2, n_head: 2, n_embd: 8, n_positions: 16, vocab_size: 300 }
const config = parseGpt2Config(small)
const model = () => gpt2(config, randomGpt2(config, { seed: 1 }))
const embedded = join(import.meta.dirname, '../../../examples/model')

async function logits(
  graph: Parameters<typeof openSession>[0]['graph'],
  ids: number[][],
  mask: number[][],
): Promise<Float32Array> {
  const session = await openSession({ graph }, 'cpu')
  const feed = (rows: number[][]) =>
    new OrtTensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0])
  const result = await session.run({ input_ids: feed(ids), attention_mask: feed(mask) })
  await session.release()
  return (result.logits as OrtTensor).data as Float32Array
}

describe('GPT-2', () => {
  it.each([
    ['gpt2', 'total 125.03M | trainable 0.63M | reduction 99.50%'],
    ['gpt2-medium', 'total 356.40M | trainable 1.68M | reduction 99.53%'],
  ])('%s with LoRA at its projections, norms and head trained: %s', (name, expected) => {
    const real = parseGpt2Config(
      JSON.parse(readFileSync(join(import.meta.dirname, `../../../tools/bench/configs/${name}.json`), 'utf8')),
    )
    expect(formatParameters(countParameters(lora(gpt2(real, randomGpt2(real)), reportLora)))).toBe(expected)
  })
  it('gives the same logits padded on the right, on the left, or not at all', async () => {
    const graph = withPaddedInputs(model())
    const right = await logits(
      graph,
      [
        [5, 6, 7, 0, 0],
        [8, 9, 1, 2, 3],
      ],
      [
        [1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1],
      ],
    )
    const left = await logits(
      graph,
      [
        [0, 0, 5, 6, 7],
        [8, 9, 1, 2, 3],
      ],
      [
        [0, 0, 1, 1, 1],
        [1, 1, 1, 1, 1],
      ],
    )
    const alone = await logits(graph, [[5, 6, 7]], [[1, 1, 1]])
    expect(left).toBeAllclose(right)
    expect(right.slice(0, 2)).toBeAllclose(alone)
  })
  it('reads checkpoints without prefix, with mask buffers, in half precision, and in shards', async () => {
    const weights = randomGpt2(config, { seed: 2 })
    const plain = new Map(
      [...weights]
        .filter(([name]) => name !== 'score.weight')
        .map(([name, value]) => [name.replace('transformer.', ''), value]),
    )
    plain.set('h.0.attn.bias', float32([1, 1, 2, 2], [1, 0, 1, 1]))
    expect([...gpt2Parameters(plain, config).keys()]).toEqual([...gpt2Shapes(config, 'classification').keys()])
    for (const [dtype, rtol] of [
      ['float16', 1e-3],
      ['bfloat16', 8e-3],
      ['float64', 1e-7],
    ] as const) {
      const typed = new Map(
        [...weights].map(([name, value]) => [name, tensorOf(dtype, value.dims, [...toFloat32(value)])]),
      )
      const read = gpt2Parameters(typed, config)
      expect(new Set([...read.values()].map((value) => value.dtype))).toEqual(new Set(['float32']))
      for (const [name, value] of read)
        expect(toFloat32(value)).toBeAllclose(toFloat32(weights.get(name) as Tensor), { atol: 1e-6, rtol })
    }
    const sharded = join(folder, 'sharded')
    mkdirSync(sharded)
    const names = [...weights.keys()]
    const parts = [names.slice(0, 5), names.slice(5)]
    for (const [i, part] of parts.entries()) {
      writeFileSync(
        join(sharded, `part-${i}.safetensors`),
        serializeSafetensors(new Map(part.map((name) => [name, weights.get(name) as Tensor]))),
      )
    }
    writeFileSync(
      join(sharded, 'model.safetensors.index.json'),
      JSON.stringify({
        weight_map: Object.fromEntries(parts.flatMap((part, i) => part.map((name) => [name, `part-${i}.safetensors`]))),
      }),
    )
    writeFileSync(join(sharded, 'config.json'), JSON.stringify(small))
    for (const name of ['tokenizer.json', 'tokenizer_config.json'])
      writeFileSync(join(sharded, name), readFileSync(join(embedded, name)))
    const { model: loaded } = await loadPretrained(sharded)
    expect(elements(loaded.graph.initializers.get('score.weight') as Tensor)).toEqual(
      elements(weights.get('score.weight') as Tensor),
    )
  })
  it.each([
    ['a head count that does not divide', { ...small, n_head: 3 }, /field "n_head": does not divide/],
    ['another model type', { ...small, model_type: 'llama' }, /field "model_type"/],
    ['a missing field', { ...small, n_layer: undefined }, /field "n_layer"/],
    ['an activation it does not have', { ...small, activation_function: 'swish' }, /field "activation_function"/],
    [
      'labels that contradict each other',
      { ...small, num_labels: 3, id2label: { 0: 'a', 1: 'b' } },
      /contradicts id2label/,
    ],
  ])('refuses a config with %s', (_, json, message) => {
    expect(() => parseGpt2Config(json)).toThrow(message)
  })
  it('refuses weights that are missing or contradict the config', () => {
    const weights = randomGpt2(config)
    expect(() =>
      gpt2Parameters(new Map([...weights].filter(([name]) => !name.includes('h.1.mlp.c_fc'))), config),
    ).toThrow(/tensor "transformer\.h\.1\.mlp\.c_fc\.weight": missing/)
    expect(() => gpt2Parameters(weights, { ...config, n_embd: 16 })).toThrow(
      /wte\.weight": its shape contradicts config\.json, expected \[300,16\], found \[300,8\]/,
    )
  })
})

describe('LoRA', () => {
  const modules = (options: Parameters<typeof lora>[1]) =>
    lora(model(), options).targets.map(({ module }) => module.replace('transformer.h.', ''))
  it('matches modules as PEFT does', () => {
    expect(modules({ target_modules: ['c_attn'] })).toEqual(['0.attn.c_attn', '1.attn.c_attn'])
    expect(modules({ target_modules: ['attn.c_proj'] })).toEqual(['0.attn.c_proj', '1.attn.c_proj'])
    expect(modules({ target_modules: '.*h\\.1\\..*c_fc' })).toEqual(['1.mlp.c_fc'])
    expect(modules({ target_modules: 'all-linear' }).length).toBe(8)
    expect(modules({})).toEqual(['0.attn.c_attn', '1.attn.c_attn'])
    expect(
      modules({ target_modules: ['c_attn', 'c_fc'], exclude_modules: ['c_fc'], layers_to_transform: [1] }),
    ).toEqual(['1.attn.c_attn'])
    expect(() => modules({ target_modules: ['q_proj'] })).toThrow(/no layer matches.*attn\.c_attn/)
  })
  it('takes rank and alpha from patterns, and scales by sqrt(r) with rsLoRA', () => {
    const { targets } = lora(model(), {
      r: 4,
      lora_alpha: 8,
      target_modules: ['c_attn', 'c_fc'],
      rank_pattern: { c_fc: 2 },
      alpha_pattern: { c_fc: 6 },
      use_rslora: true,
    })
    expect(targets.slice(0, 2).map(({ r, scaling }) => [r, scaling])).toEqual([
      [4, 4],
      [2, 6 / Math.sqrt(2)],
    ])
  })
  it('refuses variants that it does not compute', () => {
    expect(() => lora(model(), { use_qalora: true } as never)).toThrow(/field "use_qalora": not supported/)
    expect(() => lora(model(), { r: 0 })).toThrow(/field "r"/)
  })
  it('changes nothing at the start, and merges to what it computes', async () => {
    const start = lora(model(), { ...reportLora, lora_alpha: 8 }, { seed: 3 })
    const ids = [
      [4, 5, 6],
      [7, 8, 9],
    ]
    const mask = [
      [1, 1, 1],
      [1, 1, 1],
    ]
    expect(await logits(withPaddedInputs(start), ids, mask)).toBeAllclose(
      await logits(withPaddedInputs(model()), ids, mask),
    )
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(start, { loss: crossEntropy(), optimizer: adam() }),
      device: 'cpu',
    })
    for (let step = 0; step < 3; step++) {
      session.lazyResetGrad()
      await session.runTrainStep({ ...packSentences(ids), labels: { data: Int32Array.of(0, 1), dims: [2] } })
      await session.runOptimizerStep({ learningRate: 0.05 })
    }
    const trained = {
      ...start,
      graph: {
        ...start.graph,
        initializers: new Map([...start.graph.initializers, ...(await session.getParameters())]),
      },
    }
    await session.release()
    const adapted = await logits(withPaddedInputs(trained), ids, mask)
    expect(adapted).not.toBeAllclose(await logits(withPaddedInputs(model()), ids, mask), { atol: 1e-2 })
    expect(await logits(withPaddedInputs(merge(trained)), ids, mask)).toBeAllclose(adapted)
    const out = join(folder, 'adapter')
    writeAdapter(out, trained, { baseModel: 'openai-community/gpt2' })
    expect(await logits(withPaddedInputs(loadAdapter(model(), readAdapter(out))), ids, mask)).toEqual(adapted)
    expect(JSON.parse(readFileSync(join(out, 'adapter_config.json'), 'utf8'))).toMatchObject({
      peft_type: 'LORA',
      base_model_name_or_path: 'openai-community/gpt2',
      inference_mode: true,
      modules_to_save: expect.arrayContaining(['score']),
    })
  })
  it('refuses an adapter without its head, and one for another model', () => {
    const out = join(folder, 'adapter')
    const adapter = readAdapter(out)
    const headless = new Map([...adapter.tensors].filter(([name]) => !name.endsWith('score.weight')))
    expect(() => loadAdapter(model(), { ...adapter, tensors: headless })).toThrow(
      /score\.weight": missing from the adapter.*without its head/,
    )
    const wide = parseGpt2Config({ ...small, n_embd: 16 })
    expect(() => loadAdapter(gpt2(wide, randomGpt2(wide)), adapter)).toThrow(/its shape does not fit the model/)
  })
})

describe('the hub', () => {
  let hub: HubServer
  const sha = 'a'.repeat(40)
  const files = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
  beforeAll(async () => {
    hub = await hubServer(Object.fromEntries(files.map((name) => [name, readFileSync(join(embedded, name))])), sha)
  })
  afterAll(() => hub.close())
  const load = (cacheDir: string, timeout = 5000) =>
    loadPretrained('someone/tiny-gpt2', { endpoint: hub.endpoint, cacheDir, timeout, num_labels: 2 })

  it('downloads into the cache that Python shares, and serves from it when the hub is down', async () => {
    hub.mode = 'up'
    const cache = join(folder, 'cache')
    const { folder: snapshot } = await load(cache)
    expect(snapshot).toBe(join(cache, 'models--someone--tiny-gpt2', 'snapshots', sha))
    expect(readFileSync(join(cache, 'models--someone--tiny-gpt2', 'refs', 'main'), 'utf8')).toBe(sha)
    hub.mode = 'refuse'
    expect((await load(cache)).folder).toBe(snapshot)
  })
  it.each([
    ['html', /not JSON, found an HTML page/],
    ['refuse', /status 401.*HF_TOKEN/],
    ['slow', /could not be reached/],
  ] as const)('says so when the hub is %s', async (state, message) => {
    hub.mode = state
    await expect(load(join(folder, `cache-${state}`), 300)).rejects.toThrow(message)
    expect(existsSync(join(folder, `cache-${state}`, 'models--someone--tiny-gpt2'))).toBe(false)
  })
})

it('exports a classifier that gives labels and probabilities', async () => {
  const { model: base, config: own } = await loadPretrained(embedded, { num_labels: 2 })
  const out = join(folder, 'classifier')
  exportClassifier(merge(lora(base, reportLora)), {
    folder: out,
    config: own,
    tokenizerFolder: embedded,
    labels: ['bad', 'good'],
  })
  const classifier = await loadClassifier(out)
  const results = await classifier.classify(['The girl laughs.', 'The king has hidden the old book.'])
  expect(results.map(({ probabilities }) => probabilities.reduce((a, b) => a + b))).toBeAllclose([1, 1])
  expect(results.every(({ label, index }) => label === ['bad', 'good'][index])).toBe(true)
  await classifier.release()
})

it.each(['config.json', 'tokenizer_config.json'])(
  "gives another fingerprint when a classifier's %s changes",
  async (name) => {
    const { model: base, config: own } = await loadPretrained(embedded, { num_labels: 2 })
    const out = join(folder, `fingerprint-${name}`)
    exportClassifier(merge(lora(base, reportLora)), { folder: out, config: own, tokenizerFolder: embedded })
    writeFileSync(join(out, 'tokenizer_config.json'), '{}')
    const classifier = await loadClassifier(out)
    const before = classifier.fingerprint()
    expect(classifier.fingerprint()).toBe(before)
    writeFileSync(join(out, name), '{"n_positions":8}')
    expect(classifier.fingerprint()).not.toBe(before)
    await classifier.release()
  },
)

it('names the file when the config.json of a classifier is not JSON', async () => {
  const out = join(folder, 'classifier-damaged')
  mkdirSync(out)
  writeFileSync(join(out, 'config.json'), '{"id2label":')
  await expect(loadClassifier(out)).rejects.toThrow(ConfigError)
  await expect(loadClassifier(out)).rejects.toThrow('classifier-damaged')
})

it('refuses to keep matrices as what it does not know', () => {
  const { graph } = merge(lora(model(), reportLora))
  const options = {
    folder: join(folder, 'unknown'),
    graph,
    config: {},
    tokenizerFolder: embedded,
    dtype: 'q8' as never,
  }
  expect(() => writeClassifier(options)).toThrow(
    /option dtype: not known, expected float32, float16, int8, int4, found q8/,
  )
  expect(existsSync(options.folder)).toBe(false)
})

it.each([
  ['float16', 'model_fp16.onnx', 0.6, 1e-3],
  ['int8', 'model_quantized.onnx', 0.35, 5e-2],
  ['int4', 'model_q4.onnx', 0.25, 0.5],
] as const)(
  'keeps matrices as %s where transformers.js looks for them, and classifies as before',
  async (dtype, name, share, atol) => {
    const { model: base, config: own } = await loadPretrained(embedded, { num_labels: 2 })
    const tuned = merge(lora(base, reportLora))
    const [whole, small] = [join(folder, `whole-${dtype}`), join(folder, `small-${dtype}`)]
    exportClassifier(tuned, { folder: whole, config: own, tokenizerFolder: embedded })
    exportClassifier(tuned, { folder: small, config: own, tokenizerFolder: embedded, dtype, layout: 'hub' })
    expect(statSync(join(small, 'onnx', name)).size).toBeLessThan(share * statSync(join(whole, 'model.onnx_data')).size)
    const texts = ['The girl laughs.', 'The king has hidden the old book.', 'did the nurse smile?']
    const logits = async (path: string) => {
      const classifier = await loadClassifier(path)
      const values = await classifier.logits(texts)
      await classifier.release()
      return values
    }
    expect(await logits(small)).toBeAllclose(await logits(whole), { atol })
  },
)
