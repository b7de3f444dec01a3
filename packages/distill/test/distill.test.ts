import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { classificationMetrics, generateSentences, readTokenizer } from '@cola/data'
import { FormatError, float32, safetensorsChunks, tensorOf } from '@cola/graph'
import { createStudent, parseDistilRnnConfig } from '@cola/rnn'
import { crossEntropy, writeFileAtomic } from '@cola/train'
import { afterAll, describe, expect, it } from 'vitest'
import {
  averageTeachers,
  balanced,
  cachedTeacher,
  distill,
  type DistillOptions,
  pairLossGraph,
  type Split,
  type Teacher,
  teacherFromFile,
  withProjection,
} from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-distill-'))
afterAll(() => rmSync(folder, { recursive: true }))

const tokenizer = await readTokenizer(join(import.meta.dirname, '../../../examples/model'))
const encode = (text: string) => tokenizer.encode(text)
const sentences = generateSentences({ seed: 5, count: 200 })
const [train, evaluation] = [sentences.slice(0, 120), sentences.slice(120, 160)]
const transfer = sentences.slice(160).map(({ text }) => text)

/** Knows the answers of the generator, and counts how often it is asked. */
function oracle(certainty = 3) {
  const labels = new Map(sentences.map(({ text, label }) => [text, label]))
  const calls: string[] = []
  const teacher: Teacher = {
    logits: async ({ name, texts }: Split) => {
      calls.push(name)
      return Float32Array.from(
        texts.flatMap((text) => (labels.get(text) === 1 ? [-certainty, certainty] : [certainty, -certainty])),
      )
    },
    fingerprint: () => `oracle ${certainty}`,
  }
  return { teacher, calls }
}

function options(): DistillOptions {
  const config = parseDistilRnnConfig({
    vocab_size: tokenizer.vocabSize,
    embedding_size: 24,
    hidden_size: 24,
    pooling: 'max',
  })
  return {
    student: createStudent({ config, sentences: sentences.map(({ text }) => encode(text)), seed: 1 }),
    encode,
    data: { train, evaluation, held_out: { transfer: sentences.slice(160) } },
    epochs: 6,
    batch_size: 16,
    learning_rate: 1e-2,
    seed: 1,
    compute_metrics: classificationMetrics,
    metric_for_best_model: 'loss',
    device: 'cpu',
  }
}

describe('distill', () => {
  it('learns from a teacher what the labels do not say', async () => {
    // Labels turned around: who learns the truth can have it from the teacher alone.
    const wrong = train.map((row) => ({ ...row, label: 1 - row.label }))
    const { teacher } = oracle()
    const taught = await distill({
      ...options(),
      teacher,
      epochs: 12,
      data: { train: wrong },
      loss: { alpha: 1, scale: 'none' },
    })
    expect(taught.history.at(-1)?.train_metrics.accuracy).toBeLessThan(0.2)
    const alone = await distill({ ...options(), epochs: 12, data: { train: wrong } })
    expect(alone.history.at(-1)?.train_metrics.accuracy).toBeGreaterThan(0.8)
  })

  it('learns from unlabelled sentences, which count in no metric', async () => {
    const { teacher, calls } = oracle()
    const result = await distill({
      ...options(),
      teacher,
      data: { train: train.slice(0, 20), evaluation, transfer },
      loss: { scale: 'square' },
    })
    expect(calls).toEqual(['train', 'transfer'])
    expect(result.losses.length).toBe(6 * 4)
    expect(result.history.every(({ train_metrics }) => Number.isFinite(train_metrics.accuracy))).toBe(true)
    expect(Object.keys(result.held_out)).toEqual([])
  })

  it('reports the cross-entropy at evaluation, with or without a teacher, and scores held-out splits once', async () => {
    const { teacher } = oracle()
    const taught = await distill({ ...options(), teacher, epochs: 1 })
    expect(taught.held_out.transfer?.predictions.length).toBe(40)
    expect(taught.evaluation?.loss).toBeCloseTo(taught.history[0]?.eval_loss ?? Number.NaN, 6)
  })

  it('takes a sum of losses with a schedule', async () => {
    const { teacher } = oracle()
    const terms = [
      { loss: pairLossGraph('logits_mse'), weight: 0.1 },
      { loss: crossEntropy(), weight: (progress: number) => 1 - progress },
    ]
    const { losses } = await distill({ ...options(), teacher, loss: terms, epochs: 3 })
    expect(losses.every(Number.isFinite)).toBe(true)
    expect(losses.at(-1)).toBeLessThan(losses[0] as number)
  })

  it('matches hidden states through a projection that it learns', async () => {
    const { teacher } = oracle(1)
    // What the teacher shows: the answer, in two of seven numbers.
    const showing: Teacher = {
      ...teacher,
      hidden: async (split) => {
        const logits = await teacher.logits(split)
        return Float32Array.from(split.texts.flatMap((_, i) => [...logits.subarray(2 * i, 2 * i + 2), 0, 0, 0, 0, 1]))
      },
    }
    const base = options()
    const student = { ...base.student, model: withProjection(base.student.model, { width: 7 }) }
    const loss = [
      { loss: pairLossGraph('hidden_mse', { student: 'projected_hidden', teacher: 'teacher_hidden' }) },
      { loss: crossEntropy(), weight: 0.5 },
    ]
    const result = await distill({ ...base, student, teacher: showing, loss, epochs: 15 })
    expect(result.losses.at(-1)).toBeLessThan((result.losses[0] as number) / 2)
    expect(result.parameters.get('projected_hidden.weight')?.dims).toEqual([7, 48])
    await expect(distill({ ...base, student, teacher, loss })).rejects.toThrow(/hidden states, and it shows none/)
  })

  it('learns from a teacher that masks a class', async () => {
    const { teacher } = oracle()
    const masking: Teacher = {
      logits: async (split) => (await teacher.logits(split)).map((z) => (z < 0 ? Number.NEGATIVE_INFINITY : z)),
    }
    const { losses, history } = await distill({
      ...options(),
      teacher: masking,
      epochs: 12,
      loss: { alpha: 1, scale: 'none' },
    })
    expect(losses.every(Number.isFinite)).toBe(true)
    expect(history.at(-1)?.train_metrics.accuracy).toBeGreaterThan(0.8)
  })

  it('refuses what a teacher must not say, naming split and row, and bad options before it is asked', async () => {
    const { teacher, calls } = oracle()
    const broken = (at: number, value: number): Teacher => ({
      logits: async (split) => (await teacher.logits(split)).map((z, i) => (i === at ? value : z)),
    })
    await expect(distill({ ...options(), teacher: broken(7, Number.NaN) })).rejects.toThrow(
      /teacher, split "train", row 3: column 1 .* found NaN/,
    )
    await expect(distill({ ...options(), teacher: [teacher, broken(0, Number.POSITIVE_INFINITY)] })).rejects.toThrow(
      /teacher 1 of 2, split "train", row 0/,
    )
    const three: Teacher = { logits: async ({ texts }) => new Float32Array(3 * texts.length) }
    await expect(distill({ ...options(), teacher: three })).rejects.toThrow(
      /teacher_logits does not fit the student, expected rows of 2, found rows of 3/,
    )
    calls.length = 0
    await expect(distill({ ...options(), teacher, loss: { temperature: 0 } })).rejects.toThrow(/option temperature/)
    await expect(distill({ ...options(), loss: { alpha: 2 } })).rejects.toThrow(/option alpha/)
    expect(calls).toEqual([])
  })

  it('refuses unlabelled sentences without a teacher', async () => {
    await expect(distill({ ...options(), data: { train, transfer } })).rejects.toThrow(/without a teacher/)
  })
})

describe('teachers', () => {
  const texts = train.slice(0, 10).map(({ text }) => text)

  it('are asked once, and again only when something changed', async () => {
    const cache = join(folder, 'cache')
    const { teacher, calls } = oracle()
    const first = await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })
    expect(await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })).toEqual(first)
    expect(calls.length).toBe(1)
    await cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts: [...texts].reverse() })
    expect(calls.length).toBe(2)
    const other = oracle(5)
    expect(await cachedTeacher(other.teacher, { folder: cache }).logits({ name: 'train', texts })).not.toEqual(first)
    expect(readdirSync(cache).length).toBe(3)
  })

  it('survive damage, and two that write at once', async () => {
    const cache = join(folder, 'both')
    const [a, b] = [oracle(), oracle()]
    const [x, y] = await Promise.all(
      [a, b].map(({ teacher }) => cachedTeacher(teacher, { folder: cache }).logits({ name: 'train', texts })),
    )
    expect(x).toEqual(y)
    const [file] = readdirSync(cache) as [string]
    expect(readdirSync(cache)).toEqual([file])
    writeFileSync(join(cache, file), readFileSync(join(cache, file)).subarray(0, 40))
    expect(await cachedTeacher(a.teacher, { folder: cache }).logits({ name: 'train', texts })).toEqual(x)
    expect(existsSync(join(cache, file))).toBe(true)
  })

  it('are averaged', async () => {
    const mean = averageTeachers([oracle(1).teacher, oracle(3).teacher])
    expect(await mean.logits({ name: 'train', texts })).toEqual(
      await oracle(2).teacher.logits({ name: 'train', texts }),
    )
    expect(() => averageTeachers([])).toThrow(/there are none/)
  })

  it('choose sentences of which a share is of a class', () => {
    const logits = [0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0].map(Number)
    expect(balanced(logits, 0.5)).toEqual([0, 1, 2, 4])
    expect(balanced(logits, 0.25)).toEqual([0, 1, 2, 3, 5])
  })

  it('may be a file of logits, whose rows must be those of the data', async () => {
    const path = join(folder, 'logits.safetensors')
    writeFileAtomic(path, safetensorsChunks(new Map([['train', float32([10, 2], new Float32Array(20).fill(0.5))]])))
    const teacher = teacherFromFile(path)
    expect((await teacher.logits({ name: 'train', texts })).length).toBe(20)
    await expect(teacher.logits({ name: 'train', texts: texts.slice(1) })).rejects.toThrow(
      /expected \[9, width\], found \[10,2\]/,
    )
    await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(FormatError)
  })

  it.each(['float16', 'bfloat16', 'float64'] as const)(
    'may be a file of logits in %s; whole numbers are none',
    async (dtype) => {
      const path = join(folder, `${dtype}.safetensors`)
      const masked = [...new Array<number>(19).fill(-0.5), Number.NEGATIVE_INFINITY]
      const splits = {
        train: tensorOf(dtype, [10, 2], masked),
        dev: tensorOf('int64', [10, 2], new Array<number>(20).fill(1)),
      }
      writeFileAtomic(path, safetensorsChunks(new Map(Object.entries(splits))))
      const teacher = teacherFromFile(path)
      expect([...(await teacher.logits({ name: 'train', texts }))]).toEqual(masked)
      await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(
        /tensor "dev": not floating point, expected F32, F16, BF16 or F64, found int64/,
      )
    },
  )

  it('are never kept, nor read, with numbers that no model says', async () => {
    const path = join(folder, 'broken.safetensors')
    const logits = new Float32Array(20)
    logits[13] = Number.NaN
    const masked = new Float32Array(20)
    masked[4] = masked[5] = Number.NEGATIVE_INFINITY
    const hidden = new Float32Array(20)
    hidden[1] = Number.NEGATIVE_INFINITY
    const splits = { train: logits, dev: masked, 'dev.hidden': hidden }
    writeFileAtomic(
      path,
      safetensorsChunks(new Map(Object.entries(splits).map(([name, values]) => [name, float32([10, 2], values)]))),
    )
    const teacher = teacherFromFile(path)
    await expect(teacher.logits({ name: 'train', texts })).rejects.toThrow(
      /broken\.safetensors, tensor "train", row 6: column 1 .* found NaN/,
    )
    await expect(teacher.logits({ name: 'dev', texts })).rejects.toThrow(
      /tensor "dev", row 2: all of its classes are masked/,
    )
    await expect(teacher.hidden?.({ name: 'dev', texts })).rejects.toThrow(/tensor "dev\.hidden", row 0/)
    const cache = join(folder, 'broken')
    const asked = cachedTeacher({ logits: async () => logits, fingerprint: () => 'broken' }, { folder: cache })
    await expect(asked.logits({ name: 'train', texts })).rejects.toThrow(/split "train", row 6/)
    expect(existsSync(cache)).toBe(false)
    expect(() => balanced([0, 1], 1)).toThrow(/not a share/)
  })
})
