import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { adamw, type EpochLog, Trainer, type TrainerOptions, TrainingSession } from '../src/index.ts'
import { artifactsOf, collate, type Row, rows } from './tiny.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-trainer-'))
afterAll(() => rmSync(folder, { recursive: true }))

const artifacts = artifactsOf(adamw({ max_grad_norm: 1 }), { dropout: 0.2 })
const accuracy = (predictions: readonly number[], labels: readonly number[]) => ({
  accuracy: predictions.filter((value, i) => value === labels[i]).length / labels.length,
})

async function trainerOf(options: Partial<TrainerOptions<Row>> = {}) {
  const session = await TrainingSession.create({ artifacts, device: 'cpu', seed: 9 })
  const trainer = new Trainer<Row>({
    session,
    data: { train: rows(70), evaluation: rows(40, 2), collate, label: ({ label }) => label },
    epochs: 4,
    batch_size: 16,
    learning_rate: 0.05,
    warmup: 0.1,
    compute_metrics: accuracy,
    metric_for_best_model: 'accuracy',
    ...options,
  })
  return { session, trainer }
}

describe('Trainer', () => {
  it('learns, logs every step and epoch, and puts the best weights back', async () => {
    const epochs: EpochLog[] = []
    const out = join(folder, 'learns')
    const { session, trainer } = await trainerOf({ output_dir: out, epochs: 8, callbacks: { onEpoch: (log) => epochs.push(log) } })
    const { history, best, losses } = await trainer.train()
    expect(losses.length).toBe(40)
    expect(epochs).toEqual(history)
    const top = Math.max(...history.map(({ eval_metrics }) => eval_metrics.accuracy as number))
    expect(top).toBeGreaterThan(0.8)
    expect(best?.value).toBe(top)
    expect((await trainer.evaluate(rows(40, 2))).metrics.accuracy).toBe(top)
    const lines = readFileSync(join(out, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string })
    expect(lines.filter(({ event }) => event === 'step').length).toBe(40)
    expect(lines.filter(({ event }) => event === 'epoch').length).toBe(8)
    await session.release()
  })

  it.each([1, 3, 5, 7, 12, 19])('stopped after step %i and resumed is bit-equal to a run that was not', async (stopAt) => {
    const whole = await trainerOf()
    const straight = await whole.trainer.train()
    const expected = await whole.session.getContiguousParameters()
    await whole.session.release()

    const out = join(folder, `resume-${stopAt}`)
    // A kill: the process is gone after this step, and only what was saved before it is left.
    const first = await trainerOf({
      output_dir: out,
      save_steps: 2,
      callbacks: {
        onStep: ({ step }) => {
          if (step === stopAt) throw new Error('killed')
        },
      },
    })
    await expect(first.trainer.train()).rejects.toThrow('killed')
    await first.session.release()

    const second = await trainerOf({ output_dir: out, save_steps: 2, resume: true })
    const resumed = await second.trainer.train()
    expect(resumed.losses).toEqual(straight.losses.slice(straight.losses.length - resumed.losses.length))
    expect(resumed.history).toEqual(straight.history)
    expect(await second.session.getContiguousParameters()).toEqual(expected)
    const steps = readFileSync(join(out, 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string; step: number; loss: number })
      .filter(({ event }) => event === 'step')
    expect(steps.map(({ step }) => step)).toEqual(straight.losses.map((_, i) => i + 1))
    expect(steps.map(({ loss }) => loss)).toEqual(straight.losses)
    await second.session.release()
  })

  it('groups rows of like length, and evaluates them in the order given', async () => {
    const lengths: number[][] = []
    const tokens = ({ x }: Row) => Math.round(10 * Math.abs(x[0] ?? 0))
    const data = {
      train: rows(70),
      evaluation: rows(40, 2),
      collate: (list: readonly Row[]) => {
        lengths.push(list.map(tokens))
        return collate(list)
      },
      label: ({ label }: Row) => label,
      tokens,
    }
    const grouped = await trainerOf({ data, epochs: 1, train_sampling_strategy: 'group_by_length' })
    await grouped.trainer.train()
    const spread = (batch: number[]) => Math.max(...batch) - Math.min(...batch)
    const train = lengths.slice(0, 5)
    expect(train.map(({ length }) => length)).toEqual([16, 16, 16, 16, 6])
    expect(train.flat().sort()).toEqual(rows(70).map(tokens).sort())
    expect(train.reduce((sum, batch) => sum + spread(batch), 0)).toBeLessThanOrEqual(2 * spread(train.flat()))
    const { logits, predictions } = await grouped.trainer.evaluate(rows(40, 2))
    const [first] = await Promise.all([grouped.session.runEvalStep(collate(rows(40, 2).slice(0, 1)))])
    expect(logits.subarray(0, 2)).toBeAllclose(first.outputs.logits?.data ?? [])
    expect(predictions.length).toBe(40)
    await grouped.session.release()
  })

  it('stops at a signal with a checkpoint, and early when nothing gets better', async () => {
    const controller = new AbortController()
    const out = join(folder, 'signal')
    const aborted = await trainerOf({ output_dir: out, signal: controller.signal, callbacks: { onStep: ({ step }) => step === 3 && controller.abort() } })
    expect((await aborted.trainer.train()).stopped).toBe('aborted')
    await aborted.session.release()
    const early = await trainerOf({ learning_rate: 0, early_stopping_patience: 2, epochs: 9 })
    const result = await early.trainer.train()
    expect([result.stopped, result.history.length]).toEqual(['early', 3])
    await early.session.release()
  })

  it('warns when every row is given one class', async () => {
    const warnings: string[] = []
    const { session, trainer } = await trainerOf({
      data: { train: rows(40).map((row) => ({ ...row, label: 1 })), evaluation: rows(20, 2), collate, label: ({ label }) => label },
      epochs: 6,
      callbacks: { onWarning: ({ message }) => warnings.push(message) },
    })
    await trainer.train()
    expect(warnings.at(-1)).toMatch(/all 20 evaluation rows are predicted as class 1/)
    await session.release()
  })

  it('refuses empty data, senseless options, and checkpoints that are damaged or of another run', async () => {
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    expect(() => new Trainer<Row>({ session, data: { train: [], collate } })).toThrow(/dataset is empty/)
    expect(() => new Trainer<Row>({ session, data: { train: rows(4), collate }, epochs: 0 })).toThrow(/option epochs/)
    await session.release()
    const out = join(folder, 'other')
    const first = await trainerOf({ output_dir: out, epochs: 1 })
    await first.trainer.train()
    await first.session.release()
    const other = await trainerOf({ output_dir: out, resume: true, batch_size: 8 })
    await expect(other.trainer.train()).rejects.toThrow(/belongs to another run/)
    writeFileSync(join(out, 'checkpoint.safetensors'), readFileSync(join(out, 'checkpoint.safetensors')).subarray(0, 900))
    const damaged = await trainerOf({ output_dir: out, resume: true })
    await expect(damaged.trainer.train()).rejects.toThrow(/checkpoint\.safetensors/)
    for (const { session: each } of [other, damaged]) await each.release()
  })
})
