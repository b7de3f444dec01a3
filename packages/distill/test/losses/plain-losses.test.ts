import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError, OrtTensor, crossEntropy } from '@cola/train'
import { describe, expect, it } from 'vitest'
import {
  crossEntropyLoss,
  kdLoss,
  pairLoss,
  pairLossGraph,
  type PairLossName,
  type TemperatureOptions,
  type ValueAndGradient,
} from '../../src/index.ts'
import { finiteDifferences, inGraph, matrix, numbers } from '../support/losses.ts'

const fixture = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/losses.json'), 'utf8')) as {
  cases: {
    mask: string
    width: number
    options: object & { temperature: number }
    student: (number | string)[]
    teacher: (number | string)[]
    expected: object
  }[]
  logits: (number | string)[]
  cross_entropy: {
    labels: number[]
    options: { weight?: number[]; label_smoothing?: number }
    loss: number | string
    gradient: (number | string)[]
  }[]
}

/** Values of the fixture, where numbers that JSON has not are words. */
const values = (list: readonly (number | string)[]): Float32Array =>
  Float32Array.from(list, (value) => (value === 'nan' ? Number.NaN : Number(String(value).replace('inf', 'Infinity'))))

function agrees(
  found: ValueAndGradient,
  expected: { loss: number | string; gradient: readonly (number | string)[] },
  context: string,
): void {
  const [loss, gradient] = [values([expected.loss])[0] as number, values(expected.gradient)]
  if (Number.isFinite(loss)) expect(found.loss, context).toBeCloseTo(loss, 5)
  else expect(found.loss, context).toBe(loss)
  const finite = (all: ArrayLike<number>) =>
    Array.from(all).map((value, i) => (Number.isFinite(gradient[i]) ? value : 0))
  expect(finite(found.gradient), context).toBeAllclose(finite(gradient), { atol: 1e-5, rtol: 1e-4 })
}

describe('logits with masked classes, as PyTorch has them (test/make-losses.py)', () => {
  it.each(
    fixture.cases.map(
      (one) => [`${one.width} classes, masked by ${one.mask}, T ${one.options.temperature}`, one] as const,
    ),
  )('%s', async (_, one) => {
    const { width } = one
    const option = one.options as TemperatureOptions
    const [student, teacher] = [values(one.student), values(one.teacher)]
    for (const [name, expected] of Object.entries(one.expected) as [
      PairLossName,
      { loss: number | string; gradient: (number | string)[] },
    ][]) {
      agrees(pairLoss(name, { student, teacher, width }, option), expected, `${name}, plain`)
      agrees(
        await inGraph(
          pairLossGraph(name, option),
          { logits: matrix(student, width), teacher_logits: matrix(teacher, width) },
          width,
        ),
        expected,
        `${name}, graph`,
      )
    }
  })

  it.each(fixture.cross_entropy)(
    'cross-entropy of $labels with $options',
    async ({ labels, options: option, ...expected }) => {
      const logits = values(fixture.logits)
      agrees(crossEntropyLoss(logits, labels, option), expected, 'plain')
      agrees(
        await inGraph(
          crossEntropy(option),
          { logits: matrix(logits, 3), labels: new OrtTensor('int32', Int32Array.from(labels), [2]) },
          3,
        ),
        expected,
        'graph',
      )
    },
  )
})

describe('cross-entropy', () => {
  it.each([{}, { label_smoothing: 0.1 }, { weight: [0.3, 2, 1] }, { weight: [0.3, 2, 1], label_smoothing: 0.2 }])(
    'with %j: graph, plain function and finite differences agree, unlabelled rows left out',
    async (option) => {
      const logits = numbers(15, 'cross-entropy')
      const labels = Int32Array.of(0, 2, -100, 1, 2)
      const plain = crossEntropyLoss(logits, labels, option)
      const graph = await inGraph(
        crossEntropy(option),
        { logits: matrix(logits, 3), labels: new OrtTensor('int32', labels, [5]) },
        3,
      )
      expect(graph.loss).toBeCloseTo(plain.loss, 5)
      expect(graph.gradient).toBeAllclose(plain.gradient, { atol: 1e-6 })
      expect(plain.gradient).toBeAllclose(
        finiteDifferences((values) => crossEntropyLoss(values, labels, option).loss, logits),
        { atol: 1e-6 },
      )
    },
  )

  it('is what torch.nn.CrossEntropyLoss gives', () => {
    // torch.nn.CrossEntropyLoss(weight=torch.tensor([1., 2., 3.]), label_smoothing=0.1)(torch.tensor([[1., 2., 3.],
    // [0., 0., 1.]]), torch.tensor([2, 0]))
    const { loss } = crossEntropyLoss([1, 2, 3, 0, 0, 1], [2, 0], { weight: [1, 2, 3], label_smoothing: 0.1 })
    expect(loss).toBeCloseTo(0.7305, 4)
  })

  it('is 0 where no row has a label, and refuses labels that are no class', async () => {
    const logits = numbers(6, 'none')
    const labels = Int32Array.of(-100, -100)
    const graph = await inGraph(
      crossEntropy(),
      { logits: matrix(logits, 3), labels: new OrtTensor('int32', labels, [2]) },
      3,
    )
    expect([graph.loss, crossEntropyLoss(logits, labels).loss]).toBeAllclose([0, 0], { atol: 0 })
    expect(() => crossEntropyLoss(logits, [0, 3])).toThrow(
      /labels, row 2: the label is not a class of the model, expected 0 to 2, or -100 for none, found 3/,
    )
    expect(() => kdLoss(logits, logits.slice(1), [0, 1])).toThrow(/teacher: wrong number of elements/)
  })
})

describe('kdLoss', () => {
  it('learns rows without labels from the teacher alone', () => {
    const [student, teacher] = [numbers(6, 'student'), numbers(6, 'teacher')]
    const soft = pairLoss('soft_targets', { student, teacher, width: 3 })
    const { loss, gradient } = kdLoss(student, teacher, [-100, -100], { alpha: 1 })
    expect(loss).toBeCloseTo(soft.loss, 12)
    expect(gradient).toBeAllclose(soft.gradient, { atol: 1e-7 })
  })

  it('says what to do with an array of rows, and what is missing', () => {
    const rows = [
      [1, 2],
      [3, 4],
    ] as unknown as number[]
    expect(() => kdLoss(rows, rows, [0, 1])).toThrow(/student: an array of rows.* Write student\.flat\(\)/)
    expect(() => crossEntropyLoss(rows, [0, 1])).toThrow(/logits: an array of rows.* Write logits\.flat\(\)/)
    const none = undefined as unknown as number[]
    for (const act of [
      () => kdLoss([1, 2], [2, 1], none),
      () => kdLoss([1, 2], none, [0]),
      () => crossEntropyLoss([1, 2], none),
      () => pairLoss('logits_mse', { student: [1, 2], teacher: none, width: 2 }),
      () => pairLoss('logits_mse', none as never),
    ])
      expect(act).toThrow(ConfigError)
  })
})
