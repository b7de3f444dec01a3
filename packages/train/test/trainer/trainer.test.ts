import { argMaxRows, DataError, memorySink, placeOf } from '@cola/data'
import { float32, toFloat32 } from '@cola/graph'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readText, storeOf, temporaryFolders } from '../../../../tools/test-folders.ts'
import {
  defaultDevice,
  CheckpointError,
  ConfigError,
  FileError,
  Trainer,
  TrainingSession,
  adamw,
  loadCheckpoint,
  saveCheckpoint,
  type EpochLog,
  type EvalPrediction,
  type StepResult,
  type TrainerOptions,
  type TrainResult,
} from '../../src/index.ts'
import { artifactsOf, collate, rows, type Row } from '../support/tiny.ts'

const folder = temporaryFolders()
const artifacts = artifactsOf(adamw({ max_grad_norm: 1 }), { dropout: 0.2 })
type Prediction = EvalPrediction<Row, number>

const accuracyOf = ({ predictions, rows }: Prediction) => ({
  accuracy: predictions.filter((value, i) => value === rows[i]?.label).length / rows.length,
})

const classOf = ({ logits }: StepResult['outputs'], batch: readonly Row[]) =>
  argMaxRows(logits?.data ?? new Float32Array(), batch.length)

type Options = TrainerOptions<Row, number>

const settings = (session: Options['session'], options: Partial<Options> = {}): Options => ({
  session,
  data: { train: rows(70), evaluation: rows(40, 2), collate },
  epochs: 4,
  batch_size: 16,
  learning_rate: 0.05,
  warmup: 0.1,
  predict: classOf,
  compute_metrics: accuracyOf,
  metric_for_best_model: 'accuracy',
  ...options,
})

async function trainerOf(options: Partial<Options> = {}) {
  const session = await TrainingSession.create({ artifacts, device: defaultDevice(), seed: 9 })
  return { session, trainer: new Trainer<Row, number>(settings(session, options)) }
}

describe('Trainer', () => {
  it('has no warm-up by a share of less than one step, and tells of one that the run ends in', async () => {
    const ratesOf = async (warmup: number, epochs: number) => {
      const rates: number[] = []
      const warnings: string[] = []
      const { session, trainer } = await trainerOf({
        data: { train: rows(8), collate },
        metric_for_best_model: 'loss',
        epochs,
        warmup,
        learning_rate: 1,
        lr_scheduler_type: 'constant',
        callbacks: {
          onStep: ({ learning_rate }) => void rates.push(learning_rate),
          onWarning: ({ message }) => void warnings.push(message),
        },
      })
      await trainer.train()
      await session.release()
      return { rates, warnings }
    }
    expect(await ratesOf(0.06, 1)).toEqual({ rates: [1], warnings: [] })
    expect(await ratesOf(0.3, 3)).toEqual({ rates: [1, 1, 1], warnings: [] })
    expect(await ratesOf(0.5, 3)).toEqual({ rates: [0, 0.5, 1], warnings: [] })
    const told = (warmup: number, steps: number, share: string) =>
      `the warm-up lasts the whole run (warmup ${warmup}, steps ${steps}): the learning rate comes to ${share} of ` +
      'learning_rate; lower warmup'
    expect(await ratesOf(1, 1)).toEqual({ rates: [0], warnings: [told(1, 1, '0%')] })
    expect((await ratesOf(4, 3)).warnings).toEqual([told(4, 3, '50%')])
  })

  it('learns, logs every step and epoch, and restores the best weights', async () => {
    const epochs: EpochLog[] = []
    const out = folder('learns')
    const { session, trainer } = await trainerOf({
      output_dir: out,
      epochs: 8,
      callbacks: { onEpoch: (log) => epochs.push(log) },
    })
    const { history, best, losses } = await trainer.train()
    expect(losses.length).toBe(40)
    expect(epochs).toEqual(history)
    const top = Math.max(...history.map(({ eval_metrics }) => eval_metrics.accuracy as number))
    expect(top).toBeGreaterThan(0.8)
    expect(best?.value).toBe(top)
    expect((await trainer.evaluate(rows(40, 2))).metrics.accuracy).toBe(top)
    const lines = readText(out, 'log.jsonl')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string })
    expect(lines.filter(({ event }) => event === 'step').length).toBe(40)
    expect(lines.filter(({ event }) => event === 'epoch').length).toBe(8)
    await session.release()
  })

  it.each(['onTrainBegin', 'onEpoch', 'onSave', 'onTrainEnd'] as const)(
    'waits for what %s returned, and fails with it',
    async (name) => {
      const { trainer } = await trainerOf({
        output_dir: folder(name),
        callbacks: { [name]: () => Promise.reject(new Error(`by ${name}`)) },
      })
      await expect(trainer.train()).rejects.toThrow(`by ${name}`)
    },
  )

  it('takes no step before what onStep returned is settled', async () => {
    const order: string[] = []
    const { trainer, session } = await trainerOf({
      callbacks: {
        onStep: async ({ step }) => {
          order.push(`begin ${step}`)
          await new Promise((resolve) => setTimeout(resolve, 5))
          order.push(`end ${step}`)
        },
      },
    })
    const { losses } = await trainer.train()
    expect(order).toEqual(losses.flatMap((_, i) => [`begin ${i + 1}`, `end ${i + 1}`]))
    await session.release()
  })

  describe('stopped and resumed', () => {
    /** A run that was not stopped. */
    let straight: TrainResult
    let expected: Float32Array
    beforeAll(async () => {
      const { session, trainer } = await trainerOf()
      straight = await trainer.train()
      expected = await session.getContiguousParameters()
      await session.release()
    })

    it.each([1, 3, 5, 7, 12, 19])('after step %i is bit-equal to a run that was not', async (stopAt) => {
      const out = folder(`resume-${stopAt}`)
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
      const steps = readText(out, 'log.jsonl')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as { event: string; step: number; loss: number })
        .filter(({ event }) => event === 'step')
      expect(steps.map(({ step }) => step)).toEqual(straight.losses.map((_, i) => i + 1))
      expect(steps.map(({ loss }) => loss)).toEqual(straight.losses)
      await second.session.release()
    })

    it('ends with a FileError where its store does not keep what was written', async () => {
      const full = new DataError({ where: 'checkpoint.safetensors', what: 'it could not be written', found: 'quota' })
      const output_dir = { ...memorySink(), flush: () => Promise.reject(full) }
      const { session, trainer } = await trainerOf({ output_dir, epochs: 1 })
      await expect(trainer.train()).rejects.toThrow(FileError)
      await session.release()
    })

    it('stores checkpoints and the log in memory, and resumes from there', async () => {
      const store = memorySink()
      let flushed = 0
      const output_dir = { ...store, flush: async () => void flushed++ }
      const stop = new AbortController()
      const first = await trainerOf({
        output_dir,
        save_steps: 2,
        signal: stop.signal,
        callbacks: { onStep: ({ step }) => step === 7 && stop.abort() },
      })
      await first.trainer.train()
      await first.session.release()
      expect(flushed).toBeGreaterThanOrEqual(4)
      expect(store.names()).toEqual(['best.safetensors', 'checkpoint.safetensors', 'log.jsonl'])
      expect((await loadCheckpoint(store)).state.step).toBe(7)

      const second = await trainerOf({ output_dir, resume: true })
      const { losses, history } = await second.trainer.train()
      expect(losses).toEqual(straight.losses.slice(7))
      expect(history).toEqual(straight.history)
      const lines = new TextDecoder().decode(store.read('log.jsonl')).trim().split('\n')
      const steps = lines.map((line) => JSON.parse(line) as { event: string }).filter(({ event }) => event === 'step')
      expect(steps.length).toBe(straight.losses.length)
      await second.session.release()
    })
  })

  describe('max_steps', () => {
    const run = async (options: Partial<Options>) => {
      const rates: number[] = []
      const totals = new Set<number>()
      const callbacks = {
        onStep: (log: { learning_rate: number; total_steps: number }) => {
          rates.push(log.learning_rate)
          totals.add(log.total_steps)
        },
      }
      const { session, trainer } = await trainerOf({ warmup: 0, learning_rate: 1, callbacks, ...options })
      const result = await trainer.train()
      const weights = [...(await session.getParameters()).values()].map((tensor) => [...toFloat32(tensor)])
      await session.release()
      return { ...result, rates, totals: [...totals], weights, planned: trainer.totalSteps }
    }

    it('ends the run within an epoch, with an evaluation, and is what the schedule counts', async () => {
      const { history, losses, stopped, rates, totals, planned } = await run({ max_steps: 7, epochs: 100 })
      expect(history.map(({ epoch, step }) => [epoch, step])).toEqual([
        [1, 5],
        [2, 7],
      ])
      expect(history.every(({ eval_loss }) => Number.isFinite(eval_loss))).toBe(true)
      expect({ steps: losses.length, stopped, totals, planned }).toEqual({
        steps: 7,
        stopped: 'finished',
        totals: [7],
        planned: 7,
      })
      rates.forEach((rate, step) => {
        expect(rate).toBeCloseTo(1 - step / 7, 12)
      })
    })

    it('passes over the rows as often as needed, whatever epochs says', async () => {
      const { history } = await run({ max_steps: 12, epochs: 1 })
      expect(history.map(({ step }) => step)).toEqual([5, 10, 12])
    })

    it('of whole epochs is the run of these epochs', async () => {
      const [steps, epochs] = [await run({ max_steps: 10 }), await run({ epochs: 2 })]
      expect({ history: steps.history, losses: steps.losses, weights: steps.weights }).toEqual({
        history: epochs.history,
        losses: epochs.losses,
        weights: epochs.weights,
      })
    })

    it('is resumed to the same losses, also after its last step and before the evaluation', async () => {
      const straight = await run({ max_steps: 7, load_best_model_at_end: false })
      for (const [last, left] of [
        [3, 4],
        [7, 0],
      ] as const) {
        const output_dir = memorySink()
        const stop = new AbortController()
        const part = { max_steps: 7, output_dir, save_steps: 1, load_best_model_at_end: false }
        const { session, trainer } = await trainerOf({
          ...part,
          warmup: 0,
          learning_rate: 1,
          callbacks: {
            onStep: ({ step }) => (step === 3 ? stop.abort() : undefined),
            onSave: ({ step }) => (step === 7 && last === 7 ? Promise.reject(new Error('killed')) : undefined),
          },
          ...(last === 3 ? { signal: stop.signal } : {}),
        })
        if (last === 3) expect((await trainer.train()).stopped).toBe('aborted')
        else await expect(trainer.train()).rejects.toThrow('killed')
        await session.release()
        const resumed = await run({ ...part, resume: true })
        expect(resumed.losses).toEqual(straight.losses.slice(7 - left))
        expect(resumed.history).toEqual(straight.history)
        expect(resumed.weights).toEqual(straight.weights)
      }
    })

    it('belongs to the run: a checkpoint of other steps is refused, and -1 is told how to leave it out', async () => {
      const output_dir = memorySink()
      await run({ max_steps: 3, output_dir })
      const others: readonly (readonly [Partial<Options>, string])[] = [
        [
          { max_steps: 4 },
          'expected max_steps 4, found max_steps 3. Resume with what it was trained with, or choose another',
        ],
        [
          { epochs: 3 },
          'epochs none, max_steps 3. Resume with what it was trained with, or choose another output folder. Its learning',
        ],
      ]
      for (const [options, text] of others)
        await expect(run({ ...options, output_dir, resume: true })).rejects.toThrow(text)
      await expect(run({ max_steps: -1 })).rejects.toThrow(/option max_steps: .*Leave it out: epochs then says/s)
    })
  })

  it('groups rows of similar length, and returns predictions in the order of the rows', async () => {
    const lengths: number[][] = []
    const tokens = ({ x }: Row) => Math.round(10 * Math.abs(x[0] ?? 0))
    const data = {
      train: rows(70),
      evaluation: rows(40, 2),
      collate: (list: readonly Row[]) => {
        lengths.push(list.map(tokens))
        return collate(list)
      },
      tokens,
    }
    const grouped = await trainerOf({ data, epochs: 1, train_sampling_strategy: 'group_by_length' })
    await grouped.trainer.train()
    const spread = (batch: number[]) => Math.max(...batch) - Math.min(...batch)
    // Rows are checked one by one; the first batch asks for the metrics' names.
    const train = lengths.filter(({ length }) => length > 1).slice(1, 6)
    expect(train.map(({ length }) => length)).toEqual([16, 16, 16, 16, 6])
    expect(train.flat().sort()).toEqual(rows(70).map(tokens).sort())
    expect(train.reduce((sum, batch) => sum + spread(batch), 0)).toBeLessThanOrEqual(2 * spread(train.flat()))
    const { predictions } = await grouped.trainer.evaluate(rows(40, 2))
    const straight = await grouped.session.runEvalStep(collate(rows(40, 2)))
    expect(predictions).toEqual(classOf(straight.outputs, rows(40, 2)))
    await grouped.session.release()
  })

  it('stops at a signal with a checkpoint, and early without improvement', async () => {
    const controller = new AbortController()
    const out = folder('signal')
    const aborted = await trainerOf({
      output_dir: out,
      signal: controller.signal,
      callbacks: { onStep: ({ step }) => step === 3 && controller.abort() },
    })
    expect((await aborted.trainer.train()).stopped).toBe('aborted')
    await aborted.session.release()
    const early = await trainerOf({ learning_rate: 0, early_stopping_patience: 2, epochs: 9 })
    const result = await early.trainer.train()
    expect([result.stopped, result.history.length]).toEqual(['early', 3])
    await early.session.release()
  })

  it('refuses empty data, invalid options, and checkpoints that are damaged or of another run', async () => {
    const session = await TrainingSession.create({ artifacts, device: defaultDevice() })
    expect(() => new Trainer<Row, number>({ session, data: { train: [], collate } })).toThrow(/dataset is empty/)
    expect(() => new Trainer<Row, number>({ session, data: { train: rows(4), collate }, epochs: 0 })).toThrow(
      /option epochs/,
    )
    await session.release()
    const out = folder('other')
    const first = await trainerOf({ output_dir: out, epochs: 1 })
    await first.trainer.train()
    await first.session.release()
    const other = await trainerOf({ output_dir: out, resume: true, batch_size: 8 })
    await expect(other.trainer.train()).rejects.toThrow(
      /belongs to another run: the options differ, expected epochs 4, batch_size 8, found epochs 1, batch_size 16\./,
    )
    const data = { train: rows(70), evaluation: rows(40, 3), collate }
    const judged = await trainerOf({ output_dir: out, resume: true, epochs: 1, data })
    await expect(judged.trainer.train()).rejects.toThrow(/belongs to another run: the evaluation rows differ\. Resume/)
    await judged.session.release()
    const clipped = artifactsOf(adamw({ max_grad_norm: 2 }), { dropout: 0.2 })
    const changed = await TrainingSession.create({ artifacts: clipped, device: defaultDevice(), seed: 9 })
    const run = new Trainer<Row, number>(settings(changed, { output_dir: out, resume: true, epochs: 1 }))
    await expect(run.train()).rejects.toThrow(/belongs to another run: the model differs\. Resume/)
    await changed.release()
    // A checkpoint of an older version has the hash of all alone.
    const { tensors, state } = await loadCheckpoint(out)
    const { parts: _, ...older } = state
    saveCheckpoint(storeOf(out), tensors, older)
    const unknown = await trainerOf({ output_dir: out, resume: true, batch_size: 8 })
    await expect(unknown.trainer.train()).rejects.toThrow(
      /another run: model, rows or options differ, expected [0-9a-f]{64}/,
    )
    const same = await trainerOf({ output_dir: out, resume: true, epochs: 1 })
    expect((await same.trainer.train()).history).toHaveLength(1)
    await same.session.release()
    storeOf(out).write('checkpoint.safetensors', [storeOf(out).read('checkpoint.safetensors').subarray(0, 900)])
    const damaged = await trainerOf({ output_dir: out, resume: true })
    await expect(damaged.trainer.train()).rejects.toThrow(/checkpoint\.safetensors/)
    for (const { session: each } of [other, damaged]) await each.release()
  })

  it('resumes a finished run, early or after its last epoch, to the same result without a step', async () => {
    const ends: [string, Partial<Options>][] = [
      ['finished', { epochs: 3 }],
      ['early', { epochs: 9, learning_rate: 0.3, early_stopping_patience: 1 }],
    ]
    for (const [end, options] of ends) {
      const out = folder(`ended-${end}`)
      const first = await trainerOf({ ...options, output_dir: out })
      const result = await first.trainer.train()
      expect(result.stopped).toBe(end)
      expect(result.best?.epoch).toBeLessThan(result.history.length + Number(end === 'finished'))
      const parameters = await first.session.getContiguousParameters()
      await first.session.release()
      const log = readText(out, 'log.jsonl')
      for (let again = 0; again < 2; again++) {
        const steps: number[] = []
        const second = await trainerOf({
          ...options,
          output_dir: out,
          resume: true,
          callbacks: { onStep: ({ step }) => steps.push(step) },
        })
        expect(await second.trainer.train()).toEqual({ ...result, losses: [] })
        expect(steps).toEqual([])
        expect(await second.session.getContiguousParameters()).toEqual(parameters)
        expect(readText(out, 'log.jsonl')).toBe(log)
        await second.session.release()
      }
    }
  })

  it('restores metrics that are NaN or infinite', async () => {
    const values = [Number.NaN, Number.NEGATIVE_INFINITY, Number.NaN, 0.5]
    const metrics = () => {
      let calls = -1
      // The first call asks for the names; then twice an epoch.
      return () => ({ score: values[Math.max(0, Math.floor(calls++ / 2))] as number })
    }
    const options = { compute_metrics: metrics(), metric_for_best_model: 'score' }
    const whole = await trainerOf(options)
    const expected = await whole.trainer.train()
    await whole.session.release()
    expect(expected.history.map(({ eval_metrics }) => eval_metrics.score)).toEqual(values)
    expect(expected.best).toEqual({ epoch: 4, value: 0.5 })

    const out = folder('not-a-number')
    const onEpoch = ({ epoch }: EpochLog) => {
      if (epoch === 2) throw new Error('killed')
    }
    const first = await trainerOf({
      compute_metrics: metrics(),
      metric_for_best_model: 'score',
      output_dir: out,
      callbacks: { onEpoch },
    })
    await expect(first.trainer.train()).rejects.toThrow('killed')
    await first.session.release()
    const { state } = await loadCheckpoint(out)
    expect(state.best).toEqual({ epoch: 2, value: Number.NEGATIVE_INFINITY })
    expect(state.history.map(({ eval_metrics }) => eval_metrics.score)).toEqual(values.slice(0, 2))
    let calls = 0
    const rest = () => ({ score: values[2 + Math.max(0, Math.floor(calls++ / 2))] as number })
    const second = await trainerOf({
      compute_metrics: rest,
      metric_for_best_model: 'score',
      output_dir: out,
      resume: true,
    })
    const resumed = await second.trainer.train()
    expect(resumed.history).toEqual(expected.history)
    expect(resumed.best).toEqual(expected.best)
    await second.session.release()
  })

  it('a metric that is NaN is never the best, and does not count for early stopping', async () => {
    const run = async (values: readonly number[], patience: number) => {
      let calls = -1
      const warnings: string[] = []
      const { session, trainer } = await trainerOf({
        compute_metrics: () => ({ score: values[Math.max(0, Math.floor(calls++ / 2))] as number }),
        metric_for_best_model: 'score',
        early_stopping_patience: patience,
        epochs: values.length,
        callbacks: { onWarning: ({ message }) => warnings.push(message) },
      })
      const { best, history, stopped } = await trainer.train()
      await session.release()
      return {
        best: best?.epoch,
        epochs: history.length,
        stopped,
        warnings: warnings.filter((message) => message.includes('NaN')),
      }
    }
    const nan = Number.NaN
    expect(await run([nan, 0.5, 0.9, 0.7, 0.6, 0.5], 2)).toEqual({ best: 3, epochs: 5, stopped: 'early', warnings: [] })
    expect(await run([0.5, nan, nan, 0.4, nan, 0.3, 0.9], 2)).toEqual({
      best: 1,
      epochs: 6,
      stopped: 'early',
      warnings: [],
    })
    expect(await run([nan, nan, nan], 1)).toEqual({
      best: undefined,
      epochs: 3,
      stopped: 'finished',
      warnings: ['"score" was NaN in every epoch: none is the best, and the last weights are kept'],
    })
  })

  it('tells a warning of scores once, whatever classes and numbers are in it', async () => {
    const warnings: string[] = []
    let calls = 0
    const { session, trainer } = await trainerOf({
      compute_metrics: ({ onWarning }) => {
        onWarning(`all ${++calls} rows are predicted as class "${calls}"`)
        onWarning(`f1 is 0 for ${calls % 2 ? '"a", "b"' : '3, 4, ...'}`)
        onWarning('something else')
        return {}
      },
      metric_for_best_model: 'loss',
      epochs: 3,
      callbacks: { onWarning: ({ message }) => warnings.push(message) },
    })
    await trainer.train()
    await session.release()
    expect(warnings.map((message) => message.replace(/\d/g, ''))).toEqual([
      'all  rows are predicted as class ""',
      expect.stringMatching(/^f is {2}for /),
      'something else',
    ])
  })

  it('keeps the last weights if no epoch is the best', async () => {
    const last = await trainerOf({ epochs: 2, load_best_model_at_end: false })
    await last.trainer.train()
    const none = await trainerOf({
      epochs: 2,
      compute_metrics: () => ({ score: Number.NaN }),
      metric_for_best_model: 'score',
    })
    await none.trainer.train()
    expect(await none.session.getContiguousParameters()).toEqual(await last.session.getContiguousParameters())
    for (const { session } of [last, none]) await session.release()
  })

  it('keeps the last weights if no rows judge the epochs, unless it is asked for the best by training loss', async () => {
    const weights = async (options: object) => {
      const { trainer, session } = await trainerOf({
        epochs: 2,
        metric_for_best_model: 'loss',
        greater_is_better: true,
        data: { train: rows(70), collate },
        ...options,
      })
      await trainer.train()
      const all = await session.getContiguousParameters()
      await session.release()
      return all
    }
    expect(await weights({})).toEqual(await weights({ load_best_model_at_end: false }))
    expect(await weights({})).not.toEqual(await weights({ load_best_model_at_end: true }))
  })

  it('has no evaluation loss without evaluation rows, in memory, log and checkpoint, and resumes', async () => {
    const out = folder('not-evaluated')
    const run = async (options: Partial<Options>) => {
      const { session, trainer } = await trainerOf({
        data: { train: rows(70), collate },
        metric_for_best_model: 'loss',
        output_dir: out,
        epochs: 1,
        ...options,
      })
      const result = await trainer.train()
      await session.release()
      return result
    }
    await run({})
    const { history, best } = await run({ resume: true })
    expect(history.map((epoch) => 'eval_loss' in epoch)).toEqual([false])
    expect(best).toEqual({ epoch: 1, value: history[0]?.train_loss })
    const log = storeOf(out).read('log.jsonl')
    expect(new TextDecoder().decode(log)).not.toContain('eval_loss')
  })

  it.each([
    ['loss', {}, 'least', 'eval_loss'],
    ['eval_loss', {}, 'least', 'eval_loss'],
    ['eval_loss', { greater_is_better: true }, 'greatest', 'eval_loss'],
    ['eval_accuracy', {}, 'greatest', 'accuracy'],
    ['accuracy', { greater_is_better: false }, 'least', 'accuracy'],
    ['hamming_loss', {}, 'least', 'eval_hamming_loss'],
  ] as const)('%s with %j: the best is the %s', async (metric, options, direction, name) => {
    const compute_metrics = async (evaluation: Prediction) => {
      const { accuracy } = await accuracyOf(evaluation)
      return { accuracy, eval_hamming_loss: 1 - accuracy }
    }
    const { session, trainer } = await trainerOf({
      compute_metrics,
      metric_for_best_model: metric,
      learning_rate: 0.2,
      ...options,
    })
    const { history, best } = await trainer.train()
    const values = history.map(
      ({ eval_loss, eval_metrics }) => ({ eval_loss, ...eval_metrics })[name as 'eval_loss'] as number,
    )
    const expected = direction === 'least' ? Math.min(...values) : Math.max(...values)
    expect(best).toEqual({ epoch: 1 + values.indexOf(expected), value: expected })
    await session.release()
  })

  it('refuses NaN and Infinity in any tensor of a checkpoint, by its name', async () => {
    const out = folder('poisoned')
    const first = await trainerOf({ output_dir: out, epochs: 1 })
    await first.trainer.train()
    await first.session.release()
    const path = placeOf(storeOf(out), 'checkpoint.safetensors')
    const { tensors: onDisk, state } = await loadCheckpoint(out)
    const tensors = new Map([...onDisk].map(([name, tensor]) => [name, float32(tensor.dims, toFloat32(tensor))]))
    for (const [name, tensor] of tensors) {
      for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
        const data = toFloat32(tensor).slice()
        data[1] = value
        const bad = new Map([...tensors, [name, float32(tensor.dims, data)]])
        saveCheckpoint(storeOf(out), bad, state)
        const { session, trainer } = await trainerOf({ output_dir: out, epochs: 1, resume: true })
        await expect(trainer.train()).rejects.toThrow(CheckpointError)
        await expect(trainer.train()).rejects.toThrow(
          `${path}, tensor "${name}": element 1 is not a finite number, found ${value}.`,
        )
        expect(() => session.setState({ tensors: bad, step: 1 })).toThrow(`tensor "${name}": element 1`)
        await session.release()
      }
    }
    saveCheckpoint(storeOf(out), tensors, state)
    saveCheckpoint(
      storeOf(out),
      new Map([...tensors, ['b1', float32([8], new Float32Array(8).fill(Number.NaN))]]),
      state,
      'best.safetensors',
    )
    const { session, trainer } = await trainerOf({ output_dir: out, epochs: 1, resume: true })
    await expect(trainer.train()).rejects.toThrow(/best\.safetensors, tensor "b1"/)
    await session.release()
  })

  it('saves the steps of an epoch whose metrics throw, and resumes with its evaluation', async () => {
    const out = folder('failing-metrics')
    let calls = 0
    const failing = (evaluation: Prediction) => {
      if (calls++ > 2) throw new RangeError('of two classes, please')
      return accuracyOf(evaluation)
    }
    const first = await trainerOf({ output_dir: out, compute_metrics: failing })
    await expect(first.trainer.train()).rejects.toThrow(RangeError)
    await first.session.release()
    const second = await trainerOf({ output_dir: out, resume: true })
    const whole = await trainerOf()
    const [resumed, straight] = [await second.trainer.train(), await whole.trainer.train()]
    expect(resumed.history).toEqual(straight.history)
    expect(resumed.losses).toEqual(straight.losses.slice(10))
    expect(await second.session.getContiguousParameters()).toEqual(await whole.session.getContiguousParameters())
    for (const { session } of [second, whole]) await session.release()
  })

  describe('refuses before the first step', () => {
    const numbers = [Number.NaN, Number.POSITIVE_INFINITY, -1, '1', null, 0.5]
    const refused: [string, readonly unknown[]][] = [
      ...[
        'epochs',
        'batch_size',
        'eval_batch_size',
        'gradient_accumulation_steps',
        'save_steps',
        'early_stopping_patience',
      ].map((name): [string, readonly unknown[]] => [name, [...numbers, 0]]),
      ['learning_rate', numbers.slice(0, -1)],
      ['warmup', [...numbers.slice(0, -1), 1.5]],
      ['seed', [Number.NaN, 0.5, '1', null]],
      ['lr_scheduler_type', ['cosine_with_restarts', '', null, 'toString']],
      ['train_sampling_strategy', ['sequential', 'group_by_length']],
      ['metric_for_best_model', ['', 3]],
      ['greater_is_better', ['true', 1]],
      ['load_best_model_at_end', ['no']],
      ['resume', ['yes', true]],
      ['output_dir', ['', 3]],
      ['compute_metrics', ['accuracy', { accuracy: 1 }]],
      ['callbacks', ['log', { onEpochEnd: () => undefined }, { onStep: true }]],
      ['data', [undefined, []]],
      ['num_train_epochs', [3]],
      ['learningRate', [1e-3]],
    ]
    let session: TrainingSession
    beforeAll(async () => {
      session = await TrainingSession.create({ artifacts, device: defaultDevice() })
    })
    afterAll(() => session.release())
    const make = (options: object) => () => new Trainer<Row, number>(settings(session, options))

    it.each(refused)('%s of %j', (name, values) => {
      for (const value of values) expect(make({ [name]: value })).toThrow(ConfigError)
      for (const value of values) expect(make({ [name]: value })).toThrow(new RegExp(`^Trainer, option (data|${name})`))
    })

    it('options that need a folder', () => {
      for (const options of [{ save_steps: 2 }, { resume: true }])
        expect(make(options)).toThrow(
          /option (save_steps|resume): there is no folder of checkpoints. Give output_dir\./,
        )
    })

    it('options that need evaluation rows', async () => {
      const data = { train: rows(8), collate }
      for (const evaluation of [{}, { evaluation: [] }]) {
        const none = { data: { ...data, ...evaluation } }
        expect(make({ ...none, metric_for_best_model: 'loss', early_stopping_patience: 2 })).toThrow(
          /no evaluation rows/,
        )
        expect(make(none)).toThrow(/no evaluation rows to compute "accuracy" of/)
      }
      expect(make({ compute_metrics: undefined })).toThrow(/no such metric.*compute_metrics/)
      await expect(make({})().evaluate([])).rejects.toThrow(/nothing to evaluate/)
    })

    it('metrics with another name, that are not numbers, or that throw', async () => {
      const steps: number[] = []
      const rejects = async (options: object, message: RegExp) => {
        const trainer = make({ ...options, callbacks: { onStep: ({ step }: { step: number }) => steps.push(step) } })()
        await expect(trainer.train()).rejects.toThrow(ConfigError)
        await expect(trainer.train()).rejects.toThrow(message)
      }
      for (const metric of ['f1', 'eval_f1', 'constructor'])
        await rejects(
          { metric_for_best_model: metric },
          new RegExp(`no such metric, expected loss, accuracy, found ${metric}`),
        )
      const failing = () => {
        throw new RangeError('no')
      }
      await rejects({ compute_metrics: failing }, /compute_metrics: it fails on the first evaluation rows, found no/)
      await rejects({ compute_metrics: () => ({ accuracy: '1' }) as never }, /no number.*found 1/)
      const predict = () => [1]
      await expect(make({ predict })().train()).rejects.toThrow(/not one prediction per row, expected 16, found 1/)
      const later = async () => []
      await expect(make({ predict: later as never })().train()).rejects.toThrow(/per row, expected 16, found a Promise/)
      await expect(make({ predict: (() => undefined) as never })().train()).rejects.toThrow(
        /expected 16, found undefined/,
      )
      expect(steps).toEqual([])
    })

    it.each([2, 7, -1])('a row whose label is %s', async (label) => {
      const bad = [...rows(3), { x: [0, 0, 0, 0], label }, ...rows(3)]
      const data = { train: rows(8), evaluation: rows(8), collate }
      const message = (where: string) =>
        `${where}, row 4, input "labels": the label is not a class of the model, ` +
        `expected 0 to 1, or -100 for none, found ${label}.`
      await expect(make({ data: { ...data, train: bad } })().train()).rejects.toThrow(message('data.train'))
      await expect(make({ data: { ...data, evaluation: bad } })().train()).rejects.toThrow(message('data.evaluation'))
      await expect(make({})().evaluate(bad)).rejects.toThrow(message('evaluate'))
    })
  })
})
