// Adapters of PEFT that are not LoRA, on exported encoders and a decoder: numbers, gradients, merging and files are
// PEFT's. make-methods.py made them.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Files } from '@cola/data'
import {
  elements,
  float32,
  foldLinear,
  type Graph,
  parseSafetensors,
  readModel,
  serializeSafetensors,
  simplify,
  type Tensor,
  toFloat32,
} from '@cola/graph'
import {
  defaultDevice,
  type Batch,
  crossEntropy,
  feedsOf,
  generateArtifacts,
  openSession,
  type OrtTensor,
  paddedBatches,
  sgd,
  TrainingSession,
} from '@cola/train'
import { beforeAll, describe, expect, it } from 'vitest'
import { copyFolder, folderAt, readText, temporaryFolders } from '../../../../tools/test-folders.ts'
import { moved } from '../../../../tools/moved.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  type AdapterConfig,
  AdapterError,
  adapterStatus,
  adapterTensors,
  combineAdapters,
  ConfigError,
  countParameters,
  gpt2,
  type HeadedModel,
  loadAdapter,
  merge,
  openOnnxModel,
  parseAdapterConfig,
  parseGpt2Config,
  randomGpt2,
  switchable,
  unmerge,
  withAdapter,
  withHead,
  withMaskedInputs,
  writeAdapter,
} from '../../src/index.ts'
import { methodOf, readMethod } from '../../src/methods/methods.ts'

const folder = temporaryFolders()
const fixtures = join(import.meta.dirname, '../fixtures/methods')

const heads = {
  bert: { name: 'classifier', pooling: 'first', bias: true },
  albert: { name: 'classifier', pooling: 'first', bias: true },
  llama: { name: 'score', pooling: 'last', bias: false },
} as const
const cases = (Object.keys(heads) as (keyof typeof heads)[]).flatMap((name) =>
  (['ia3', 'vera'] as const).map((variant) => ({ name, variant })),
)

async function numbers(graph: Graph, batch: Batch): Promise<Float32Array> {
  const session = await openSession({ graph }, defaultDevice())
  const results = await session.run(feedsOf(graph, graph.inputs, batch).feeds)
  await session.release()
  return (results[graph.outputs[0] as string] as OrtTensor).data as Float32Array
}

describe.each(cases)('$variant that PEFT trained on $name', ({ name, variant }) => {
  const { tensors } = parseSafetensors(new Uint8Array(readFileSync(join(fixtures, name, 'expected.safetensors'))))
  const expected = new Map(
    [...tensors]
      .filter(([key]) => key.startsWith(variant))
      .map(([key, value]) => [key.slice(variant.length + 1), value]),
  )
  const right = (key: string): Float32Array => toFloat32(expected.get(key) as Tensor)
  const whole = (key: string) => [...(elements(tensors.get(key) as Tensor) as BigInt64Array)].map(Number)
  const [ids, mask] = [whole('input_ids'), whole('attention_mask')]
  const rows = [0, 1, 2, 3].map((row) => ids.slice(6 * row, 6 * row + 6).filter((_, at) => mask[6 * row + at] === 1))
  const batch = (graph: Graph): Batch => paddedBatches(graph)(rows)
  const adapter = readAdapter(folderAt(join(fixtures, name, variant)))
  let base: HeadedModel

  beforeAll(async () => {
    const path = folder(name)
    copyFolder(folderAt(join(fixtures, name)), path)
    const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
    copyFolder(embedded, path, ['tokenizer.json', 'tokenizer_config.json'])
    base = withHead((await openOnnxModel(path)).model, { num_labels: 3, ...heads[name] })
  })

  it('computes PEFT’s logits, merged and not, and after being unmerged', async () => {
    const model = loadAdapter(base, adapter)
    const merged = merge(model)
    expect(await numbers(model.graph, batch(model.graph))).toBeAllclose(right('logits'), { atol: 1e-5 })
    expect(await numbers(merged.graph, batch(merged.graph))).toBeAllclose(right('merged'), { atol: 1e-5 })
    const { graph } = unmerge(merged)
    expect(await numbers(graph, batch(graph))).toBeAllclose(right('logits'), { atol: 1e-5 })
    for (const target of model.targets)
      expect(toFloat32(graph.initializers.get(target.weight) as Tensor)).toBeAllclose(
        toFloat32(base.graph.initializers.get(target.weight) as Tensor),
        { atol: 1e-6 },
      )
  })

  it('has PEFT’s parameters once it is merged', () => {
    const { graph } = merge(loadAdapter(base, adapter))
    const names = [...expected.keys()].filter((key) => key.startsWith('weight.'))
    expect(names.length).toBeGreaterThan(3)
    for (const key of names) {
      const own = graph.initializers.get(key.slice('weight.'.length))
      expect([key, own?.dims]).toEqual([key, expected.get(key)?.dims])
      expect(toFloat32(own as Tensor), key).toBeAllclose(right(key), { atol: 1e-6 })
    }
  })

  it('trains: the loss and every gradient are PEFT’s', async () => {
    const model = loadAdapter(base, adapter)
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() }),
      device: defaultDevice(),
    })
    const { loss } = await session.runTrainStep({
      ...batch(model.graph),
      labels: { data: Int32Array.from(whole('labels')), dims: [4] },
    })
    const gradients = await session.getGradients()
    await session.release()
    expect(loss).toBeCloseTo(right('loss')[0] as number, 5)
    expect(gradients.size).toBe([...expected.keys()].filter((key) => key.startsWith('grad.')).length)
    for (const [key, gradient] of gradients) {
      const wanted = expected.get(`grad.${key}`) ?? expected.get(`grad.base_model.model.${key}`)
      expect([key, wanted?.dims]).toEqual([key, [...gradient.dims]])
      expect(toFloat32(gradient), key).toBeAllclose(toFloat32(wanted as Tensor), { atol: 1e-5 })
    }
  })

  it('is written as it was read', () => {
    const model = loadAdapter(base, adapter)
    const out = folder(`written-${name}-${variant}`)
    writeAdapter(out, model)
    const written = readAdapter(out)
    expect([...written.tensors.keys()].sort()).toEqual([...adapter.tensors.keys()].sort())
    for (const [key, value] of adapter.tensors)
      expect(toFloat32(written.tensors.get(key) as Tensor), key).toEqual(toFloat32(value))
    const json = (place: string | Files) => JSON.parse(readText(place, 'adapter_config.json')) as object
    expect(json(out)).toEqual(json(folderAt(join(fixtures, name, variant))))
  })

  it('changes nothing at the start, and is exported merged', async () => {
    const fresh = withAdapter(base, { ...adapter.config, base_model_name_or_path: 'base' } as AdapterConfig, {
      seed: 1,
    })
    expect(adapterStatus(fresh).map(({ trainable, active }) => [trainable, active])).toEqual(
      fresh.targets.map(() => [true, false]),
    )
    const before = await numbers(base.graph, batch(base.graph))
    expect(await numbers(fresh.graph, batch(fresh.graph))).toBeAllclose(before, { atol: 1e-6 })
    const tuned = moved(fresh, 2)
    expect(adapterStatus(tuned).every(({ active }) => active)).toBe(true)
    const after = await numbers(tuned.graph, batch(tuned.graph))
    expect(after).not.toBeAllclose(before, { atol: 1e-3 })
    const exported = withMaskedInputs(merge(tuned))
    const padded = {
      input_ids: { data: BigInt64Array.from(ids, BigInt), dims: [4, 6] },
      attention_mask: { data: BigInt64Array.from(mask, BigInt), dims: [4, 6] },
    }
    expect(await numbers(exported, padded)).toBeAllclose(after, { atol: 1e-5 })
  })
})

const PEFT = `
  PROMPT_TUNING MULTITASK_PROMPT_TUNING P_TUNING PREFIX_TUNING LORA ADALORA ADAMSS BOFT ADAPTION_PROMPT IA3 BEFT
  LILY LOHA LOKR OFT POLY LN_TUNING VERA FROD PVERA FOURIERFT GLORA XLORA HRA VBLORA UNILORA CPT MISS RANDLORA
  ROAD TRAINABLE_TOKENS HIRA SHIRA C3A WAVEFT OSF DELORA GRALORA CARTRIDGE TINYLORA PSOFT PEANUT SHADOW
  SUPERTUNING DEFT
`
  .trim()
  .split(/\s+/)

describe('a graph as an exporter wrote it, with biases in nodes of their own', () => {
  it.each(['ia3', 'vera'] as const)('takes %s', async (variant) => {
    const graph = simplify(readModel(readFileSync(join(fixtures, 'bert/model.onnx'))))
    const target_modules = ['query', 'output.dense']
    const config: AdapterConfig =
      variant === 'ia3'
        ? { peft_type: 'IA3', target_modules, feedforward_modules: ['output.dense'] }
        : { peft_type: 'VERA', r: 3, target_modules }
    const batch = {
      input_ids: { data: BigInt64Array.of(5n, 6n, 7n), dims: [1, 3] },
      attention_mask: { data: BigInt64Array.of(1n, 1n, 1n), dims: [1, 3] },
    }
    const whole = moved(withAdapter({ graph, trainable: new Set() }, config), 4)
    const folded = moved(withAdapter({ graph: foldLinear(graph), trainable: new Set() }, config), 4)
    const right = await numbers(folded.graph, batch)
    expect(await numbers(whole.graph, batch)).toBeAllclose(right, { atol: 1e-5 })
    expect(await numbers(merge(whole).graph, batch)).toBeAllclose(right, { atol: 1e-5 })
    expect(right).not.toBeAllclose(await numbers(graph, batch), { atol: 1e-3 })
  })
})

const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 2,
  n_head: 2,
  n_embd: 8,
  n_positions: 16,
  vocab_size: 40,
})
const small = () => gpt2(config, randomGpt2(config))

const references = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/methods.json'), 'utf8')) as Record<
  'LORA' | 'IA3' | 'VERA',
  Record<string, Record<string, string | string[]>>
>

describe('the configurations of methods', () => {
  it('have PEFT’s defaults', () => {
    expect(parseAdapterConfig({ peft_type: 'VERA' })).toMatchObject({
      r: 256,
      projection_prng_key: 0,
      save_projection: true,
      vera_dropout: 0,
      d_initial: 0.1,
      bias: 'none',
      init_weights: true,
    })
    expect(parseAdapterConfig({ peft_type: 'IA3' })).toMatchObject({ init_ia3_weights: true, fan_in_fan_out: false })
    expect(parseAdapterConfig({})).toMatchObject({ peft_type: 'LORA', r: 8 })
  })

  it('take their modules from the model’s type', () => {
    const { config: own, targets } = withAdapter(small(), { peft_type: 'IA3' })
    expect(own).toMatchObject({ target_modules: ['c_attn', 'mlp.c_proj'], feedforward_modules: ['mlp.c_proj'] })
    expect(targets.map(({ isFeedforward }) => isFeedforward)).toEqual([false, true, false, true])
    expect(withAdapter(small(), { peft_type: 'VERA' }).config.target_modules).toEqual(['c_attn'])
  })

  it.each(['LORA', 'IA3', 'VERA'] as const)('of %s name PEFT’s modules by default', (peft_type) => {
    const own = methodOf({ peft_type }).defaultModules as Record<string, ReadonlyMap<string, unknown>>
    expect(Object.keys(own)).toEqual(Object.keys(references[peft_type]))
    // A model of images and text is not opened here.
    for (const [field, byType] of Object.entries(references[peft_type]))
      for (const [type, names] of Object.entries(byType).filter(([type]) => type !== 'blip-2'))
        expect([field, type, [own[field]?.get(type)].flat().sort()]).toEqual([field, type, [names].flat().sort()])
  })

  // PeftType of PEFT 0.21.2, and misspellings.
  it.each(PEFT.filter((name) => !['LORA', 'IA3', 'VERA'].includes(name)))('%s is another method of PEFT’s', (name) => {
    for (const peft_type of [name, name.toLowerCase()])
      expect(() => readMethod({ peft_type }, 'x')).toThrow(/LORA, IA3, VERA, found .*\. Merge the adapter with PEFT/)
  })
  it.each([
    ['lora', 'LORA'],
    ['LoRA', 'LORA'],
    ['LROA', 'LORA'],
    ['LORRA', 'LORA'],
    ['ia3', 'IA3'],
    ['VeRA', 'VERA'],
  ])('%s is meant as %s', (peft_type, meant) => {
    expect(() => readMethod({ peft_type }, 'x')).toThrow(`Did you mean "${meant}"?`)
  })

  it.each<[string, object, RegExp]>([
    ['a method that is not known', { peft_type: 'LOHA' }, /field "peft_type".*LORA, IA3, VERA.*LOHA/s],
    ['a field of another method', { peft_type: 'VERA', lora_alpha: 4 }, /VeraConfig, field "lora_alpha".*VeRA has no/s],
    ['excluded modules', { peft_type: 'VERA', exclude_modules: ['c_fc'] }, /"exclude_modules".*LoraConfig, IA3Config/s],
    ['layers', { peft_type: 'IA3', layers_to_transform: [1] }, /IA3Config, field "layers_to_transform"/],
    [
      'feed-forward modules that are no targets',
      { peft_type: 'IA3', target_modules: ['c_attn'], feedforward_modules: ['c_fc'] },
      /"feedforward_modules".*c_attn.*c_fc/s,
    ],
    [
      'a pattern that is none',
      { peft_type: 'IA3', target_modules: 'c_attn', feedforward_modules: '(' },
      /IA3Config, field "feedforward_modules"/,
    ],
    ['an embedding', { peft_type: 'IA3', target_modules: ['wte'], feedforward_modules: [] }, /wte.*linear layers/s],
    ['an embedding', { peft_type: 'VERA', target_modules: ['wte', 'c_attn'] }, /VeraConfig.*wte.*linear layers/s],
    ['a pattern of layers without layers', { peft_type: 'VERA', layers_pattern: 'h' }, /needs layers_to_transform/],
    ['a rank of 0', { peft_type: 'VERA', r: 0 }, /VeraConfig, field "r"/],
    ['a bias of LoRA', { peft_type: 'VERA', bias: 'lora_only' }, /VeraConfig, field "bias"/],
  ])('refuse %s', (_, given, message) => {
    expect(() => withAdapter(small(), given as AdapterConfig)).toThrow(ConfigError)
    expect(() => withAdapter(small(), given as AdapterConfig)).toThrow(message)
  })

  it('leave out of all-linear what is trained in full, by name where there is no exclude_modules', () => {
    const { config: own, targets } = withAdapter(small(), {
      peft_type: 'VERA',
      r: 2,
      target_modules: 'all-linear',
      modules_to_save: ['_fc'],
    })
    expect(own.target_modules).toEqual(targets.map(({ module }) => module))
    expect(targets.map(({ module }) => module)).not.toContain('transformer.h.0.mlp.c_fc')
    expect(targets).toHaveLength(6)
  })
})

describe('VeRA', () => {
  const vera = { peft_type: 'VERA' as const, r: 4, target_modules: ['c_attn', 'mlp.c_proj'] }

  it('counts its vectors, not the projections', () => {
    const { trainable, total } = countParameters(withAdapter(small(), vera))
    expect(trainable).toBe(2 * (24 + 4 + 8 + 4))
    expect(total - trainable).toBe(countParameters(small()).total)
  })

  it('takes larger projections, as PEFT shares them between adapters, and writes what it uses', async () => {
    const model = moved(withAdapter(small(), vera), 3)
    const tensors = adapterTensors(model)
    const [A, B] = ['base_model.vera_A', 'base_model.vera_B'].map((name) => tensors.get(name) as Tensor) as [
      Tensor,
      Tensor,
    ]
    expect([A.dims, B.dims]).toEqual([
      [4, 32],
      [24, 4],
    ])
    const wide = new Float32Array(4 * 40).fill(9)
    for (let row = 0; row < 4; row++) wide.set(toFloat32(A).subarray(32 * row, 32 * row + 32), 40 * row)
    const larger = new Map([...tensors, ['base_model.vera_A', float32([4, 40], wide)] as const])
    const loaded = loadAdapter(small(), { config: model.config, tensors: larger })
    expect(serializeSafetensors(adapterTensors(loaded))).toEqual(serializeSafetensors(tensors))
    expect(merge(loaded).graph.initializers.get('transformer.h.0.mlp.c_proj.weight')?.bytes()).toEqual(
      merge(model).graph.initializers.get('transformer.h.0.mlp.c_proj.weight')?.bytes(),
    )
  })

  it('wants the projections that the file is to have, and draws those that it is not', () => {
    const model = moved(withAdapter(small(), vera), 3)
    const tensors = new Map([...adapterTensors(model)].filter(([name]) => !name.startsWith('base_model.vera_')))
    expect(() => loadAdapter(small(), { config: model.config, tensors })).toThrow(AdapterError)
    expect(() => loadAdapter(small(), { config: model.config, tensors })).toThrow(
      /parameters "base_model.vera_A", "base_model.vera_B".*missing.*save_projection: false/s,
    )
    const drawn = loadAdapter(small(), { config: { ...model.config, save_projection: false }, tensors })
    expect([...adapterTensors(drawn).keys()]).toEqual([...tensors.keys()])
    for (const [name, value] of merge(model).graph.initializers)
      expect(toFloat32(merge(drawn).graph.initializers.get(name) as Tensor), name).toEqual(toFloat32(value))
  })

  it('shares the product of what query, key and value read', async () => {
    const { model } = await openOnnxModel(folder('bert'))
    const { graph } = withAdapter(model, { peft_type: 'VERA', r: 4, target_modules: ['query', 'key', 'value'] })
    const readers = graph.nodes.filter(({ inputs }) => inputs.includes('constant.vera_A'))
    expect(readers).toHaveLength(2)
  })
})

describe('what only LoRA can', () => {
  it.each([
    ['IA3', '(IA)³'],
    ['VERA', 'VeRA'],
  ] as const)('is refused for %s', (peft_type, title) => {
    const model = withAdapter(small(), { peft_type })
    const adapter = { config: model.config, tensors: adapterTensors(model) }
    expect(() => switchable(small(), { one: adapter })).toThrow(AdapterError)
    expect(() => switchable(small(), { one: adapter })).toThrow(`${title} cannot be switched`)
    expect(() => combineAdapters([{ adapter }])).toThrow(AdapterError)
    expect(() => combineAdapters([{ adapter }])).toThrow(title)
  })

  it('is no file of another method', () => {
    const { config: ia3 } = withAdapter(small(), { peft_type: 'IA3' })
    const tensors = adapterTensors(withAdapter(small(), { peft_type: 'VERA' }))
    expect(() => loadAdapter(small(), { config: ia3, tensors })).toThrow(AdapterError)
  })
})
