// Models of several exporters against PyTorch and PEFT (test/make-exports.py).

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { elements, float32, type Graph, type Tensor, toFloat32, parseSafetensors } from '@cola/graph'
import { defaultDevice, type Batch, feedsOf, openSession, type OrtTensor } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { copyFolder, folderAt, readText, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  adapterTensors,
  inspect,
  loadAdapter,
  lora,
  merge,
  openOnnxModel,
  switchable,
  withHead,
} from '../../src/index.ts'
import { linearLayers } from '../../src/inject/linear.ts'
import { hiddenStates } from '../../src/onnx/hidden.ts'
import { canonicalPath } from '../../src/onnx/names.ts'
import { baseModelPath } from '../../src/onnx/prefixes.ts'

const folder = temporaryFolders()
const fixtures = join(import.meta.dirname, '../fixtures/exports')
const names = readdirSync(fixtures)
for (const name of names) {
  copyFolder(folderAt(join(fixtures, name)), folder(name), ['model.onnx', 'config.json'])
  const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))
  copyFolder(embedded, folder(name), ['tokenizer.json', 'tokenizer_config.json'])
}
const expectedOf = (name: string) =>
  parseSafetensors(new Uint8Array(readFileSync(join(fixtures, name, 'expected.safetensors')))).tensors
const numbers = (name: string, key: string) => toFloat32(expectedOf(name).get(key) as Tensor)
/** The first output, on the ids that PyTorch was given. */
async function run(graph: Graph, name: string, adapter: Batch = {}): Promise<Float32Array> {
  const inputs = expectedOf(name)
  const batch = Object.fromEntries(
    ['input_ids', 'attention_mask'].map((key) => {
      const value = inputs.get(key) as Tensor
      return [key, { data: elements(value) as BigInt64Array, dims: value.dims }]
    }),
  )
  const session = await openSession({ graph }, defaultDevice())
  const results = await session.run(feedsOf(graph, graph.inputs, { ...batch, ...adapter }).feeds)
  await session.release()
  return (results[graph.outputs[0] as string] as OrtTensor).data as Float32Array
}
/** Numbers of real tokens; those of padding are nobody's business. */
function real(values: Float32Array, name: string): Float32Array {
  const mask = [...(elements(expectedOf(name).get('attention_mask') as Tensor) as BigInt64Array)]
  const width = values.length / mask.length
  return Number.isInteger(width) ? values.filter((_, i) => mask[Math.floor(i / width)] === 1n) : values
}

describe.each(names)('%s', (name) => {
  const opened = openOnnxModel(folder(name))

  it('computes what PyTorch does, and has transformers’ linear layers', async () => {
    const { model, config } = await opened
    expect(real(await run(model.graph, name), name)).toBeAllclose(real(numbers(name, 'logits'), name), { atol: 1e-5 })
    const layers = inspect(model).filter(({ kind }) => kind === 'linear')
    const wanted = name.includes('bare')
      ? (config.linear as string[]).map((module) => `bert.${module}`).filter((module) => !module.includes('pooler'))
      : config.linear
    expect([...new Set(layers.map(({ module }) => module))].sort()).toEqual(wanted)
  })

  it('takes PEFT’s adapter, head included, and writes it back under the same names', async () => {
    const { model } = await opened
    const adapter = readAdapter(folderAt(join(fixtures, name, 'adapter')))
    if (name.includes('bare')) return
    const loaded = loadAdapter(model, adapter)
    const adapted = real(numbers(name, 'adapted'), name)
    expect(real(await run(loaded.graph, name), name)).toBeAllclose(adapted, { atol: 1e-5 })
    expect(real(await run(merge(loaded).graph, name), name)).toBeAllclose(adapted, { atol: 1e-5 })
    const written = adapterTensors(loaded)
    expect([...written.keys()].sort()).toEqual([...adapter.tensors.keys()].sort())
    for (const [key, value] of written)
      expect([key, value.dims, toFloat32(value)]).toEqual([
        key,
        value.dims,
        toFloat32(adapter.tensors.get(key) as Tensor),
      ])
  })

  it('switches between PEFT’s adapter and the base', async () => {
    const { model } = await opened
    if (name.includes('bare')) return
    const peft = readAdapter(folderAt(join(fixtures, name, 'adapter')))
    const { graph, feeds } = switchable(model, { peft })
    for (const [key, adapter] of [['adapted', 'peft'], ['logits']] as const)
      expect(real(await run(graph, name, feeds(adapter)), name)).toBeAllclose(real(numbers(name, key), name), {
        atol: 1e-5,
      })
  })

  it('gives another head the hidden states that its own read', async () => {
    const { model } = await opened
    const states = hiddenStates(model.graph)
    const graph = { ...model.graph, outputs: [states?.name as string] }
    expect(real(await run(graph, name), name)).toBeAllclose(real(numbers(name, 'hidden'), name), { atol: 1e-5 })
    const head = withHead(model, { num_labels: 2, pooling: 'first', name: 'classifier', bias: true })
    expect(head.graph.initializers.get('classifier.weight')?.dims).toEqual([2, 8])
  })
})

it('merges a bias of the adapter into a layer that has none', async () => {
  const name = 'llama-lm-torchscript'
  const { model } = await openOnnxModel(folder(name))
  const adapted = lora(model, { r: 2, target_modules: ['q_proj', 'down_proj'], lora_bias: true })
  const biases = [...adapted.trainable].filter((parameter) => parameter.endsWith('.lora_B.bias'))
  for (const [i, parameter] of biases.entries()) {
    const { dims } = adapted.graph.initializers.get(parameter) as Tensor
    adapted.graph.initializers.set(
      parameter,
      float32(
        dims,
        Float32Array.from({ length: 8 }, (_, k) => i + k / 8),
      ),
    )
  }
  const wanted = real(await run(adapted.graph, name), name)
  expect(wanted).not.toBeAllclose(real(numbers(name, 'logits'), name), { atol: 1e-2 })
  const { graph } = merge(adapted)
  expect(real(await run(graph, name), name)).toBeAllclose(wanted, { atol: 1e-5 })
  const modules = ['model.layers.0.self_attn.q_proj', 'model.layers.0.mlp.down_proj']
  const layers = linearLayers(graph).filter(({ bias }) => bias !== undefined)
  expect(layers.map(({ module, bias }) => [module, bias])).toEqual(modules.map((one) => [one, `${one}.bias`]))
})

describe('a configuration without targets', () => {
  it.each([
    ['bert-seq-torchscript', ['query', 'value']],
    ['roberta-seq-dynamo', ['query', 'value']],
    ['gpt2-lm-dynamo', ['c_attn']],
    ['llama-lm-torchscript', ['q_proj', 'v_proj']],
  ])('%s has those of PEFT, and writes them', async (name, targets) => {
    const { config, targets: found } = lora((await openOnnxModel(folder(name))).model, { r: 2 })
    expect(config.target_modules).toEqual(targets)
    expect([...new Set(found.map(({ module }) => module.split('.').at(-1)))]).toEqual(targets)
    // The script gave PEFT no targets for these.
    expect([...(readAdapter(folderAt(join(fixtures, name, 'adapter'))).config.target_modules ?? [])].sort()).toEqual(
      targets,
    )
  })

  it('is refused where PEFT has no default, naming the layers', async () => {
    const { model } = await openOnnxModel(folder('distilbert-seq-torchscript'))
    expect(() => lora(model, { r: 2 })).toThrow(
      /target_modules": not given, and PEFT has no default for "distilbert", expected some of q_lin, k_lin, v_lin, out_lin, lin1, lin2.*all-linear/,
    )
    expect(() => lora({ ...model, graph: { ...model.graph, metadata: {} } }, { r: 2 })).toThrow(/does not say its type/)
  })
})

it.each([
  ['bert-mlm-dynamo', 'cls.predictions.decoder'],
  ['llama-lm-torchscript', 'lm_head'],
])('%s: all-linear leaves out %s, as in PEFT', async (name, head) => {
  const { model, config } = await openOnnxModel(folder(name))
  const modules = lora(model, { r: 2, target_modules: 'all-linear' }).targets.map(({ module }) => module)
  expect(modules.sort()).toEqual((config.linear as string[]).filter((module) => module !== head))
})

it.each([
  ['bert', '', 'encoder.layer.0.output.dense', 'bert.encoder.layer.0.output.dense'],
  ['bert', '0.auto_model', '0.auto_model.encoder.layer.0.output.dense', 'bert.encoder.layer.0.output.dense'],
  ['bert', 'base_model.model.bert', 'base_model.model.classifier', 'classifier'],
  ['bert', 'net.backbone', 'net.backbone.pooler.dense', 'bert.pooler.dense'],
  ['bert', 'net.backbone', 'net.classifier', 'classifier'],
  ['roberta', 'model.roberta', 'model.classifier.out_proj', 'classifier.out_proj'],
  ['llama', 'model', 'model.layers.0.mlp.up_proj', 'model.layers.0.mlp.up_proj'],
  ['llama', 'model.model', 'model.lm_head', 'lm_head'],
  ['llama', 'auto_model', 'auto_model.layers.0.mlp.up_proj', 'model.layers.0.mlp.up_proj'],
  ['opt', 'decoder', 'decoder.layers.0.fc1', 'model.decoder.layers.0.fc1'],
  ['opt', 'model.decoder', 'score', 'score'],
])('%s with its base model at "%s": %s is %s', (model_type, found, module, wanted) => {
  expect(canonicalPath(module, found, baseModelPath(model_type))).toBe(wanted)
})

it('a config.json without model_type is understood by its class', async () => {
  const path = folder('bert-bare-torchscript')
  const config = JSON.parse(readText(path, 'config.json'))
  writeText(path, 'config.json', JSON.stringify({ ...config, model_type: undefined, architectures: ['BertModel'] }))
  const { model, config: read } = await openOnnxModel(path)
  expect(read.model_type).toBe('bert')
  expect(inspect(model)[0]?.module).toBe('bert.encoder.layer.0.attention.self.query')
  writeText(path, 'config.json', JSON.stringify({ architectures: ['SomethingElse'] }))
  await expect(openOnnxModel(path)).rejects.toThrow(/config\.json: no model_type/)
})

it.each(['roberta-seq-dynamo', 'distilbert-seq-torchscript'])(
  '%s: parameters that the exporter merged because they were equal are apart',
  async (name) => {
    const { model, config } = await openOnnxModel(folder(name))
    const parameters = (config.linear as string[]).flatMap((module) => [`${module}.weight`, `${module}.bias`])
    expect([...model.graph.initializers.keys()]).toEqual(expect.arrayContaining(parameters))
    expect(model.graph.nodes.filter(({ opType }) => opType === 'Gemm').map(({ inputs }) => inputs[2])).toEqual(
      expect.arrayContaining(parameters.filter((one) => one.endsWith('bias'))),
    )
  },
)
