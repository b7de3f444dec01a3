// Token ids from texts to feeds: what is cut, what pads, token types of pairs, ids that the model has not.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { addInitializer, addInput, build, cloneGraph, createGraph, float32, type Graph, type Model } from '@cola/graph'
import { afterAll, describe, expect, it } from 'vitest'
import {
  crossEntropy,
  generateArtifacts,
  loadClassifier,
  paddedBatches,
  sgd,
  TrainingSession,
  vocabularySize,
  writeClassifier,
} from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-tokens-'))
afterAll(() => rmSync(folder, { recursive: true }))
const references = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../data/test/fixtures/truncation.json'), 'utf8'),
)

/**
 * Logits [batch, 3] that say what was fed: the sum of the ids of real tokens, their number, and how many are of type 1.
 */
function counting(vocabulary: number): Graph {
  const graph = createGraph('counting')
  const g = build(graph)
  const grid = ['batch', 'sequence']
  const ids = addInput(graph, 'input_ids', 'int64', grid)
  const mask = g.Cast(addInput(graph, 'attention_mask', 'int64', grid), { to: 1 })
  const types = g.Cast(addInput(graph, 'token_type_ids', 'int64', grid), { to: 1 })
  const table = Float32Array.from({ length: 3 * vocabulary }, (_, i) => [i / 3, 1, 0][i % 3] as number)
  const states = g.Gather(addInitializer(graph, 'embedding.weight', float32([vocabulary, 3], table)), ids)
  const typed = g.Mul(
    g.Unsqueeze(types, g.int64([2])),
    addInitializer(graph, 'types', float32([3], Float32Array.of(0, 0, 1))),
  )
  const real = g.Mul(g.Add(states, typed), g.Unsqueeze(mask, g.int64([2])))
  g.node('ReduceSum', [real, g.int64([1])], { attributes: { keepdims: 0 }, outputs: ['logits'] })
  graph.outputs = ['logits']
  return graph
}

function classifierFolder(
  name: string,
  { vocabulary = 16, config = {} }: { vocabulary?: number; config?: object } = {},
): string {
  const tokenizerFolder = join(folder, `${name}-tokenizer`)
  mkdirSync(tokenizerFolder)
  writeFileSync(join(tokenizerFolder, 'tokenizer.json'), JSON.stringify(references.bert.tokenizer))
  writeFileSync(join(tokenizerFolder, 'tokenizer_config.json'), '{}')
  writeClassifier({
    folder: join(folder, name),
    graph: counting(vocabulary),
    config: config as Record<string, unknown>,
    tokenizerFolder,
    labels: ['a', 'b', 'c'],
  })
  return join(folder, name)
}

describe('a classifier', () => {
  it('truncates texts like the tokenizers library, reports how many, and takes pairs', async () => {
    // RoBERTa's positions: 8 hold 6 tokens.
    const config = { model_type: 'roberta', max_position_embeddings: 8, pad_token_id: 1 }
    const warnings: string[] = []
    const classifier = await loadClassifier(classifierFolder('roberta', { config }), {
      batch_size: 2,
      onWarning: ({ message }) => warnings.push(message),
    })
    expect(classifier.max_length).toBe(6)
    const texts = ['a b c d e f', 'a', { text: 'a b c', text_pair: 'd e f g h' }]
    const rows = [
      [0, 4, 5, 6, 7, 1],
      [0, 4, 1],
      references.bert.texts[1][2]['6 right longest_first'].split(' | ')[0].split(' ').map(Number),
    ]
    expect(rows[2]).toEqual([0, 4, 1, 7, 8, 1])
    expect([...(await classifier.logits(texts))]).toEqual(
      rows.flatMap((ids, i) => [ids.reduce((a: number, b: number) => a + b), ids.length, i === 2 ? 3 : 0]),
    )
    expect(warnings).toEqual(['2 of 3 texts were cut to 6 tokens'])
    await classifier.release()
  })
  it('refuses a token id without a row in the table, naming the text', async () => {
    const classifier = await loadClassifier(classifierFolder('small', { vocabulary: 6 }))
    await expect(classifier.classify(['a b', 'a c'])).rejects.toThrow(
      /row 2, "a c": a token id without a row.*expected 0 to 5, found 6/,
    )
    await classifier.release()
  })
})

describe('padded batches', () => {
  const graph = counting(16)
  it('use the padding token of the configuration, and have the token types of pairs', () => {
    const { input_ids, token_type_ids, attention_mask } = paddedBatches(graph, { pad_token_id: 7 })([
      { input_ids: [1, 2, 3], token_type_ids: [0, 1, 1] },
      [4],
    ])
    expect([...(input_ids?.data ?? [])]).toEqual([1n, 2n, 3n, 4n, 7n, 7n])
    expect([...(token_type_ids?.data ?? [])]).toEqual([0n, 1n, 1n, 0n, 0n, 0n])
    expect([...(attention_mask?.data ?? [])]).toEqual([1n, 1n, 1n, 1n, 0n, 0n])
    const positions = cloneGraph(graph)
    addInput(positions, 'position_ids', 'int64', ['batch', 'sequence'])
    expect([...(paddedBatches(positions, { firstPosition: 2 })([[5, 6]]).position_ids?.data ?? [])]).toEqual([2n, 3n])
    expect(() => paddedBatches(graph, { pad_token_id: 16 })).toThrow(/pad_token_id.*expected 0 to 15, found 16/)
    expect(() => paddedBatches(graph, { pad_token_id: -1 })).toThrow(/found -1/)
    expect(() => paddedBatches(graph, { pad_token_id: Number.NaN })).toThrow(/found NaN/)
  })
})

describe('token ids without a row in the embedding table', () => {
  it('are refused with the row, in training and in evaluation', async () => {
    const model: Model = { graph: counting(16), trainable: new Set(['embedding.weight']) }
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer: sgd() }),
      device: 'cpu',
    })
    const batch = (...rows: number[][]) => ({
      ...paddedBatches(model.graph)(rows),
      labels: { data: new Int32Array(rows.length), dims: [rows.length] },
    })
    for (const [id, rows] of [
      [
        -1,
        [
          [1, 2],
          [3, -1],
        ],
      ],
      [
        16,
        [
          [1, 2],
          [3, 16],
        ],
      ],
    ] as [number, number[][]][]) {
      const message = new RegExp(`input_ids", row 2 of the batch, token 2: .*expected 0 to 15, found ${id}`)
      await expect(session.runTrainStep(batch(...rows))).rejects.toThrow(message)
      await expect(session.runEvalStep(batch(...rows))).rejects.toThrow(message)
    }
    expect((await session.runEvalStep(batch([1, 15]))).outputs.logits?.data).toHaveLength(3)
    await session.release()
  })
  it('the table is found behind casts and reshapes, and is not a table of positions', () => {
    const graph = createGraph('behind')
    const g = build(graph)
    const ids = g.Reshape(
      g.Cast(addInput(graph, 'input_ids', 'int64', ['batch', 'sequence']), { to: 6 }),
      g.int64([-1]),
    )
    const weight = (name: string, rows: number) =>
      addInitializer(graph, name, float32([rows, 2], new Float32Array(2 * rows)))
    g.Gather(weight('words', 9), ids)
    g.Gather(weight('positions', 4), g.Mul(ids, ids))
    expect(vocabularySize(graph)).toBe(9)
    expect(vocabularySize(createGraph('none'))).toBe(Number.POSITIVE_INFINITY)
  })
})
