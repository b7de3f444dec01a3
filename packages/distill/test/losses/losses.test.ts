// Every loss of the table, in both forms: the graph against the plain function, the plain gradient against finite
// differences.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from '@cola/data'
import { addInput, createGraph, differentiate, lower, type Loss, prune } from '@cola/graph'
import { ConfigError, openSession, OrtTensor, crossEntropy } from '@cola/train'
import { describe, expect, it } from 'vitest'
import {
  crossEntropyLoss,
  distillation,
  kdLoss,
  lossWeights,
  pairLoss,
  pairLossGraph,
  type PairLossName,
  pairLosses,
  sumOfLosses,
  type TemperatureOptions,
  type ValueAndGradient,
} from '../../src/index.ts'

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

const numbers = (count: number, salt: string, size = 2): Float32Array => {
  const stream = random(1, 'losses', salt)
  return Float32Array.from({ length: count }, () => size * stream.normal())
}

/** Loss and gradient of a graph fragment on ONNX Runtime. */
async function inGraph(loss: Loss, feeds: Record<string, OrtTensor>, width: number): Promise<ValueAndGradient> {
  const graph = createGraph('loss')
  addInput(graph, 'logits', 'float32', ['batch', width])
  const value = loss(graph).name
  const gradient = differentiate(graph, { loss: value, wrt: ['logits'] }).get('logits')?.name as string
  graph.outputs = [value, gradient]
  const lowered = lower(graph)
  prune(lowered)
  const session = await openSession({ graph: lowered }, 'cpu')
  const results = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name] as OrtTensor])),
  )
  await session.release()
  const data = (name: string) => (results[name] as OrtTensor).data as Float32Array
  return { loss: data(value)[0] as number, gradient: data(gradient) }
}

const matrix = (data: Float32Array, width: number) => new OrtTensor('float32', data, [data.length / width, width])

function finiteDifferences(of: (student: Float64Array) => number, at: ArrayLike<number>): number[] {
  return Array.from(at, (_, i) => {
    const value = (shift: number) => of(Float64Array.from(at, (x, k) => (k === i ? x + shift : x)))
    return (value(1e-5) - value(-1e-5)) / 2e-5
  })
}

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

describe('bad input', () => {
  const good = [0, 1, 2, 3]
  it('names the row that no loss has a value for', () => {
    const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: masked } = Number
    expect(() => pairLoss('soft_targets', { student: good, teacher: [0, 1, nan, 0], width: 2 })).toThrow(
      /teacher, row 2: column 0 .* found NaN/,
    )
    expect(() => pairLoss('hidden_mse', { student: [0, inf, 1, 1], teacher: good, width: 2 })).toThrow(
      /student, row 1: column 1 .* found Infinity/,
    )
    expect(() => kdLoss(good, [0, 1, masked, masked], [0, 1])).toThrow(/teacher, row 2: all of its classes are masked/)
    expect(() => crossEntropyLoss([0, nan], [0])).toThrow(/logits, row 1/)
    expect(() => kdLoss(good, good, [])).toThrow(/rows of Infinity/)
  })

  it.each([
    ...[0, -1, Number.NaN, Number.POSITIVE_INFINITY, '2', null].map((temperature) => ({ temperature })),
    ...[-0.1, 1.1, Number.NaN, '0.5'].map((alpha) => ({ alpha })),
    ...[0, 1, -1, Number.NaN].map((beta) => ({ beta })),
    ...[-0.1, 2, Number.NaN].map((label_smoothing) => ({ label_smoothing })),
    ...[[1, Number.NaN], [1, -1], 3].map((weight) => ({ weight })),
    { scale: 'cube' },
  ])('refuses the option %j where it is given', (option) => {
    const [name] = Object.keys(option) as [string]
    const wrong = option as never
    const refused = new RegExp(`option ${name}: not a valid value`)
    expect(() => kdLoss(good, good, [0, 1], wrong)).toThrow(refused)
    expect(() => distillation(wrong)).toThrow(refused)
    if (!['temperature', 'scale', 'beta'].includes(name)) return
    expect(() => pairLoss('soft_targets', { student: good, teacher: good, width: 2 }, wrong)).toThrow(refused)
    expect(() => pairLossGraph('soft_targets', wrong)).toThrow(refused)
  })

  it('has the defaults of Hinton et al. and of most libraries: T = 2, equal shares, T^2', () => {
    // With PyTorch: 0.5 * F.kl_div(F.log_softmax(s / 2, -1), F.softmax(t / 2, -1), reduction='batchmean') * 4 +
    // 0.5 * F.cross_entropy(s, y).
    const { loss, gradient } = kdLoss([0.2, 0.9, 1.5, -0.3], [-1.1, 2.4, 0.1, 0.4], [1, 1])
    expect(loss).toBeCloseTo(0.8894310071427005, 12)
    expect([...gradient]).toBeAllclose(
      [0.21562066848344874, -0.21562066848344869, 0.33872690775925474, -0.33872690775925485],
      { atol: 1e-7 },
    )
  })

  it('refuses sums of nothing, weights that are no numbers, and losses that there are not', () => {
    expect(() => sumOfLosses([])).toThrow(ConfigError)
    expect(() => sumOfLosses([{ loss: crossEntropy(), weight: Number.NaN }])).toThrow(/weight of term 0/)
    expect(() => lossWeights([{ loss: crossEntropy(), weight: (progress) => 1 / progress }], 0)).toThrow(
      /weight of term 0/,
    )
    expect(() => pairLossGraph('soft_target' as never)).toThrow(
      /no loss of this name, expected soft_targets, reverse_kl/,
    )
  })
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
    expect([graph.loss, crossEntropyLoss(logits, labels).loss]).toEqual([0, 0])
    expect(() => crossEntropyLoss(logits, [0, 3])).toThrow(
      /labels, row 2: the label is not a class of the model, expected 0 to 2, or -100 for none, found 3/,
    )
    expect(() => kdLoss(logits, logits.slice(1), [0, 1])).toThrow(/teacher: wrong number of elements/)
  })
})

describe('sums of losses', () => {
  it('weigh their terms, by a number or by a schedule that is fed', async () => {
    const [student, teacher] = [numbers(6, 'a'), numbers(6, 'b')]
    const labels = Int32Array.of(0, 1, 1)
    const terms = [
      { loss: pairLossGraph('logits_mse'), weight: 0.25 },
      { loss: crossEntropy(), weight: (progress: number) => 1 - progress },
    ]
    const feeds = Object.entries(lossWeights(terms, 0.4)).map(([name, { data, dims }]) => [
      name,
      new OrtTensor('float32', data as Float32Array, dims),
    ])
    const graph = await inGraph(
      sumOfLosses(terms),
      {
        logits: matrix(student, 2),
        teacher_logits: matrix(teacher, 2),
        labels: new OrtTensor('int32', labels, [3]),
        ...Object.fromEntries(feeds),
      },
      2,
    )
    const expected =
      0.25 * pairLoss('logits_mse', { student, teacher, width: 2 }).loss + 0.6 * crossEntropyLoss(student, labels).loss
    expect(graph.loss).toBeCloseTo(expected, 5)
  })

  it('the distillation loss is one', async () => {
    const [student, teacher] = [numbers(6, 'a'), numbers(6, 'b')]
    const labels = Int32Array.of(0, 1, 1)
    const option = { alpha: 0.7, temperature: 4, scale: 'square' as const, label_smoothing: 0.1 }
    const graph = await inGraph(
      distillation(option),
      { logits: matrix(student, 2), teacher_logits: matrix(teacher, 2), labels: new OrtTensor('int32', labels, [3]) },
      2,
    )
    const plain = kdLoss(student, teacher, labels, option)
    expect(graph.loss).toBeCloseTo(plain.loss, 5)
    expect(graph.gradient).toBeAllclose(plain.gradient, { atol: 1e-5 })
  })
})
