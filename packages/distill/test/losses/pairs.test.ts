// Every loss of the table, in both forms: the graph against the plain function, the plain gradient against finite
// differences.

import { describe, expect, it } from 'vitest'
import { pairLoss, pairLossGraph, pairLosses, type PairLossName, type TemperatureOptions } from '../../src/index.ts'
import { finiteDifferences, inGraph, matrix, numbers } from '../support/losses.ts'

const options: TemperatureOptions[] = [
  {},
  { temperature: 1, scale: 'none' },
  { temperature: 3, scale: 'square', beta: 0.3 },
]

describe.each(Object.keys(pairLosses) as PairLossName[])('%s', (name) => {
  it.each([2, 5])('with %i classes: graph, plain function and finite differences agree', async (width) => {
    const [student, teacher] = [numbers(4 * width, `${name} student`), numbers(4 * width, `${name} teacher`)]
    for (const option of options) {
      const plain = pairLoss(name, { student, teacher, width }, option)
      const graph = await inGraph(
        pairLossGraph(name, option),
        { logits: matrix(student, width), teacher_logits: matrix(teacher, width) },
        width,
      )
      expect(plain.gradient).toBeAllclose(
        finiteDifferences((values) => pairLoss(name, { student: values, teacher, width }, option).loss, student),
        { atol: 1e-6 },
      )
      expect(graph.loss).toBeCloseTo(plain.loss, 5)
      expect(graph.gradient).toBeAllclose(plain.gradient, { atol: 1e-5, rtol: 1e-4 })
    }
  })

  it('is zero, and flat, where student and teacher agree', () => {
    const values = numbers(12, name)
    const { loss, gradient } = pairLoss(name, { student: values, teacher: values, width: 3 })
    expect(loss).toBeCloseTo(0, 6)
    expect(gradient).toBeAllclose(new Float32Array(12), { atol: 1e-7 })
  })

  it('is finite for logits of any size', async () => {
    const [student, teacher] = [Float32Array.of(1e4, -1e4, 0, 3, 1e3, -7), Float32Array.of(-1e4, 1e4, 0, 2, 9e2, 1e3)]
    const plain = pairLoss(name, { student, teacher, width: 3 })
    const graph = await inGraph(
      pairLossGraph(name),
      { logits: matrix(student, 3), teacher_logits: matrix(teacher, 3) },
      3,
    )
    for (const { loss, gradient } of [plain, graph]) expect([loss, ...gradient].every(Number.isFinite)).toBe(true)
    expect(Math.abs(graph.loss - plain.loss) / plain.loss).toBeLessThan(1e-4)
  })
})
