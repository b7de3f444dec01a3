import { addInitializer, addInput, build, createGraph, float32, type Model } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import {
  TrainingSession,
  crossEntropy,
  generateArtifacts,
  paddedBatches,
  sgd,
  vocabularySize,
} from '../../src/index.ts'
import { counting } from '../support/counting.ts'

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
