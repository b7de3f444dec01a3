// Sizes in configurations are held against what the weight file holds, before anything of that size is made.

import { memoryFiles } from '@cola/data'
import { float32, type Tensor } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  AdapterError,
  ConfigError,
  gpt2,
  gpt2Parameters,
  loadAdapter,
  loadPretrained,
  lora,
  parseAdapterConfig,
  parseGpt2Config,
  randomGpt2,
  WeightsError,
  withAdapter,
} from '../../src/index.ts'

const sizes = { model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 4, n_positions: 8, vocab_size: 6 }
const config = parseGpt2Config(sizes)
const weights = randomGpt2(config)
const enormous = 1_000_000_000

describe('sizes beyond the file', () => {
  it.each([
    ['n_layer', 'transformer.h.1.ln_1.weight'],
    ['n_positions', 'transformer.wpe.weight'],
    ['vocab_size', 'transformer.wte.weight'],
  ])('%s', (field, tensor) => {
    const read = () => gpt2Parameters(weights, parseGpt2Config({ ...sizes, [field]: enormous }))
    expect(read).toThrow(WeightsError)
    expect(read).toThrow(`tensor "${tensor}"`)
  })

  it('layers of the file that the configuration lacks', () => {
    const two = randomGpt2(parseGpt2Config({ ...sizes, n_layer: 2 }))
    const read = () => gpt2Parameters(two, config)
    expect(read).toThrow(WeightsError)
    expect(read).toThrow(/tensor "transformer.h.1.*of a layer that config.json does not have, expected n_layer 1/)
  })

  it.each(['r', 'rank_pattern'])("an adapter's %s", (field) => {
    const model = gpt2(config, weights)
    const adapted = lora(model, { r: 2, target_modules: ['c_attn'] })
    const tensors = new Map<string, Tensor>(
      [...adapted.trainable].map((name) => [
        `base_model.model.${name}`,
        adapted.graph.initializers.get(name) ?? float32([1], [0]),
      ]),
    )
    const bent = parseAdapterConfig({
      target_modules: ['c_attn'],
      ...(field === 'r' ? { r: enormous } : { r: 2, rank_pattern: { c_attn: enormous } }),
    })
    expect(() => loadAdapter(model, { config: bent, tensors })).toThrow(AdapterError)
    expect(() => loadAdapter(model, { config: bent, tensors })).toThrow(/a rank that no tensor of the adapter has/)
  })
})

describe('the rank of a new adapter', () => {
  const model = gpt2(config, weights)

  it.each([
    { peft_type: 'LORA', r: enormous },
    { peft_type: 'LORA', r: 2, rank_pattern: { c_attn: enormous } },
    { peft_type: 'VERA', r: enormous },
  ] as const)('%j is refused', (adapter) => {
    const inject = () => withAdapter(model, { ...adapter, target_modules: ['c_attn'] })
    expect(inject).toThrow(ConfigError)
    expect(inject).toThrow(/field "r", module "transformer\.h\.0\.attn\.c_attn": a rank above both sides/)
  })

  it('may be above the sides of a small matrix, as in PEFT', () => {
    expect(() => withAdapter(model, { peft_type: 'LORA', r: 64, target_modules: ['c_attn'] })).not.toThrow()
  })
})

describe('an index of shards', () => {
  const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
  const open = (index: unknown) =>
    loadPretrained(memoryFiles({ 'config.json': json(sizes), 'model.safetensors.index.json': json(index) }))

  it.each([null, 5, [], {}, { weight_map: null }, { weight_map: { a: 5 } }])('of %j is refused', async (index) => {
    await expect(open(index)).rejects.toThrow(ConfigError)
  })

  it('is no configuration', async () => {
    const files = memoryFiles({ 'config.json': json(null), 'model.safetensors': new Uint8Array(8) })
    await expect(loadPretrained(files)).rejects.toThrow(ConfigError)
    await expect(loadPretrained(files, { num_labels: 3 })).rejects.toThrow(ConfigError)
  })
})
