import { toFloat32, type Tensor } from '@cola/graph'
import { describe, expect, it } from 'vitest'
import { createStudent, parseDistilRnnConfig } from '../../src/index.ts'
import { inferred, labels, sentences, sessionOf, sizes, startOf } from '../support/students.ts'

const variants = (['rnn', 'gru', 'lstm'] as const).flatMap((cell) =>
  [false, true].flatMap((bidirectional) =>
    (['last', 'mean', 'max'] as const).map((pooling) => ({ cell, bidirectional, pooling })),
  ),
)

describe('the unrolled student', () => {
  it.each(variants)(
    '$cell, bidirectional $bidirectional, $pooling: is ONNX’s operator over padded sentences, on either side',
    async (variant) => {
      const config = parseDistilRnnConfig({ ...sizes, ...variant })
      const student = createStudent({ config, sentences, seed: 4 })
      const session = await sessionOf(student)
      const { outputs } = await session.runEvalStep({ ...student.collate(sentences), ...labels })
      await session.release()
      for (const side of ['right', 'left'] as const)
        expect(outputs.logits?.data ?? []).toBeAllclose(await inferred(config, student, side), { atol: 1e-6 })
    },
  )

  it.each(variants)(
    '$cell, bidirectional $bidirectional, $pooling: its gradients are finite differences',
    async (variant) => {
      const config = parseDistilRnnConfig({ ...sizes, ...variant })
      const student = createStudent({ config, sentences, seed: 4 })
      const session = await sessionOf(student)
      const batch = { ...student.collate(sentences), ...labels }
      await session.runTrainStep(batch)
      const gradients = await session.getGradients()
      const start = startOf(student)
      for (const [name, value] of start) {
        // Along the gradient itself: the directional derivative is its squared length over its length.
        const gradient = toFloat32(gradients.get(name) as Tensor)
        const length = Math.sqrt(gradient.reduce((sum, x) => sum + x * x, 0))
        const at = async (step: number) => {
          const moved = toFloat32(value).map((x, i) => x + (step * (gradient[i] as number)) / length)
          await session.setParameters(new Map([[name, { ...value, bytes: () => new Uint8Array(moved.buffer) }]]))
          return (await session.runEvalStep(batch)).loss
        }
        const numeric = ((await at(2e-3)) - (await at(-2e-3))) / 4e-3
        await session.setParameters(new Map([[name, value]]))
        expect(Math.abs(numeric - length), name).toBeLessThan(5e-4 + 0.01 * length)
      }
      await session.release()
    },
  )

  it('takes batches of any length up to its steps with one session', async () => {
    const student = createStudent({ config: parseDistilRnnConfig(sizes), sentences, max_length: 40 })
    const session = await sessionOf(student)
    for (const batch of [
      [sentences[2]],
      [sentences[4], sentences[2]],
      [Array.from({ length: 40 }, () => (sentences[0] as number[])[0] as number)],
    ] as number[][][]) {
      const result = await session.runEvalStep({
        ...student.collate(batch),
        labels: { data: new Int32Array(batch.length), dims: [batch.length] },
      })
      expect(result.outputs.logits?.dims).toEqual([batch.length, 3])
    }
    await session.release()
  })
})

it.each([
  [{ hidden_size: 0 }, 'expected at least 1, found 0.'],
  [{ hidden_size: 4.5 }, 'expected integer, found 4.5.'],
  [{ dropout: 2 }, 'expected at most 1, found 2.'],
])('refuses a student with %j', (variant, message) => {
  expect(() => parseDistilRnnConfig({ ...sizes, ...variant })).toThrow(`not a valid value, ${message}`)
})
