// What is as wide as the vocabulary in a training graph: logits of labelled tokens alone, a piece at a time.

import { join } from 'node:path'
import { formatValue, type Graph, getValue, type Model, type Value } from '@cola/graph'
import { generateArtifacts, sgd } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { temporaryFolders } from '../../../../tools/test-folders.ts'
import { gpt2, lora, nextTokenLoss, openBase, parseGpt2Config, randomGpt2 } from '../../src/index.ts'
import { decoderFiles, decoders, parsed, read } from '../support/decoder-files.ts'
import { exportFolder } from '../support/export-folder.ts'

const out = temporaryFolders()

interface Asked {
  vocab_size: number
  labels: number
  evaluation?: boolean
}

/** The training graph, or the one of evaluation. */
function graphOf(model: Model, { evaluation = false, ...options }: Asked): Graph {
  const adapted = lora(model, { task_type: 'CAUSAL_LM', r: 2, target_modules: 'all-linear', init_lora_weights: false })
  const [loss, evalLoss] = [nextTokenLoss(options), nextTokenLoss({ ...options, evaluation: true })]
  const artifacts = generateArtifacts(adapted, { loss, evalLoss, optimizer: sgd() })
  const graph = evaluation ? artifacts.evalModel : artifacts.trainingModel
  if (!graph) throw new Error('no such graph')
  return graph
}

/** Whether a value is a matrix as wide as the vocabulary. */
const isWide = ({ shape }: Value, width: number): boolean => shape.length > 1 && shape.at(-1) === width
const isProduct = ({ opType }: Graph['nodes'][number]) => ['Gemm', 'MatMul', 'MatMulNBits'].includes(opType)

/** Shapes of matrices as wide as the vocabulary, and the products by lm_head that make the pieces. */
function wide(graph: Graph, width: number) {
  const made = graph.nodes.flatMap((node) =>
    node.outputs.filter((name) => name !== '').map((name) => ({ node, value: getValue(graph, name) })),
  )
  const found = made.filter(({ value }) => isWide(value, width))
  const shapes = found.map(({ value }) => formatValue(value).replace(/^.*: \w+/, ''))
  return { shapes: [...new Set(shapes)].sort(), products: found.map(({ node }) => node).filter(isProduct) }
}

/** Whether a node computes nothing before another is done. */
function follows(graph: Graph, later: Graph['nodes'][number], earlier: Graph['nodes'][number]): boolean {
  const made = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  const seen = new Set([later])
  for (const node of seen)
    for (const name of node.inputs) {
      const producer = made.get(name)
      if (producer) seen.add(producer)
    }
  return seen.has(earlier)
}

describe('a vocabulary of 49,152 words', () => {
  const vocab_size = 49_152
  const config = parseGpt2Config({ model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 8, n_positions: 16, vocab_size })
  const options = { head: 'language-model' } as const
  const model = gpt2(config, randomGpt2(config, options), options)

  // Pieces of 64 MB at most hold 341 labels.
  it.each([
    { labels: 16, pieces: 1, rows: '32*label' },
    { labels: 341, pieces: 1, rows: '32*label' },
    { labels: 342, pieces: 2, rows: '16*label' },
    { labels: 1024, pieces: 4, rows: '8*label' },
    { labels: 1e6, pieces: 32, rows: 'label' },
  ])('%o', ({ labels, pieces, rows }) => {
    const graph = graphOf(model, { vocab_size, labels })
    const { shapes, products } = wide(graph, vocab_size)
    expect(shapes).toEqual([`[${rows}, ${vocab_size}]`])
    expect(products.length).toBe(pieces)
    for (const [i, product] of products.entries())
      if (i > 0) expect(follows(graph, product, products[i - 1] as typeof product), product.name).toBe(true)
  })

  it('has further logits in evaluation where they are asked for', () => {
    const { shapes, products } = wide(graphOf(model, { vocab_size, labels: 1024, evaluation: true }), vocab_size)
    expect(shapes).toEqual([`[8*label, ${vocab_size}]`, `[next, ${vocab_size}]`])
    expect(products.length).toBe(5)
  })
})

describe('files of decoders', () => {
  const built = ['gemma2', 'llama-int4', 'phi3', 'qwen2', 'qwen3'].map((name) => `decoder-${name}`)
  const filesOf = (name: string) =>
    decoderFiles(name, parsed(read(join(decoders, name, 'config.json'))).vocab_size as number)

  it.each([...built, 'llama-lm-torchscript'])('%s: two pieces', async (name) => {
    const base = await openBase(built.includes(name) ? filesOf(name) : exportFolder(out, name))
    const { vocab_size } = base
    const { shapes, products } = wide(
      graphOf(base.languageModel(), { vocab_size, labels: 2 ** 25 / vocab_size }),
      vocab_size,
    )
    expect(shapes).toEqual([`[16*label, ${vocab_size}]`])
    expect(products.length).toBe(2)
  })
})
