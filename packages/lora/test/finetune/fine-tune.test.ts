// fineTune on small models: GPT-2's weights and an exported encoder, every problem type, saved, opened again and
// exported.

import { join } from 'node:path'
import { DataError, filesOf } from '@cola/data'
import { toFloat32 } from '@cola/graph'
import { defaultDevice, type EpochLog, loadClassifier, SessionError, TrainingSession } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { folderAt, readText, reopening, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  type AdapterConfig,
  ConfigError,
  type FineTuned,
  type FineTuneOptions,
  fineTune,
  loadFineTuned,
  loadPretrained,
  merge,
  openOnnxModel,
  type ScoredRows,
  type TaskType,
  type TaskTypes,
} from '../../src/index.ts'
import { mergeWith } from '../../src/inject/merge.ts'
import { exportFolder, exportNames } from '../support/export-folder.ts'

const out = temporaryFolders()
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))

const rows = [
  ...['the cats sleep', 'the dogs sleep', 'the girls laugh', 'the boys laugh'].map((text) => ({ text, label: 'many' })),
  ...['the cat sleeps', 'the dog sleeps', 'the girl laughs', 'the boy laughs'].map((text) => ({ text, label: 'one' })),
]
const texts = ['the girls sleep', 'the girl sleeps', 'the boys in the garden laugh']
const quick = { epochs: 2, batch_size: 4, device: defaultDevice() } as const

async function refusesAll(model: FineTuned, folder: Parameters<FineTuned['save']>[0]): Promise<void> {
  const { save, export: write, adapted, fingerprint, classify, logits, evaluate, hiddenStates } = model
  const calls: (() => Promise<unknown>)[] = [() => save(folder), () => write(folder), adapted, fingerprint]
  calls.push(() => evaluate('nowhere.csv' as never))
  for (const some of [texts, []]) calls.push(...[classify, logits, hiddenStates].map((call) => () => call(some)))
  for (const call of calls) {
    const refusal = await call().catch((error: unknown) => error)
    expect(refusal, String(call)).toBeInstanceOf(SessionError)
    expect(String(refusal)).toMatch(
      /fine-tuned model: it has been released. Release it last: loadFineTuned opens what save wrote. Await the calls before/,
    )
  }
}

describe('fineTune with GPT-2’s weights', () => {
  let tuned: FineTuned
  const epochs: EpochLog[] = []
  beforeAll(async () => {
    tuned = await fineTune(embedded, {
      train: rows,
      validation: 0.5,
      ...quick,
      epochs: 8,
      callbacks: { onEpoch: (log) => epochs.push(log) },
    })
  })
  afterAll(() => tuned.release())

  it('finds the classes, trains, and scores the rows it kept apart', () => {
    expect(tuned.labels).toEqual(['many', 'one'])
    expect(epochs.length).toBe(8)
    expect(tuned.training?.history).toEqual(epochs)
    expect(tuned.metrics).toEqual(epochs[(tuned.training?.best?.epoch as number) - 1]?.eval_metrics)
    expect(Object.keys(tuned.metrics)).toEqual(expect.arrayContaining(['accuracy', 'mcc', 'f1_macro']))
  })

  it('pauses after each matrix that an export merges', async () => {
    const adapted = await tuned.adapted()
    let pauses = 0
    const merged = await mergeWith(adapted, async () => {
      pauses++
    })
    expect(pauses).toBe(adapted.targets.length)
    const at = merge(adapted).graph.initializers
    for (const [name, value] of merged.graph.initializers)
      expect(toFloat32(value)).toEqual(toFloat32(at.get(name) as typeof value))
  })

  it('says that it was released, whatever it is asked for', async () => {
    const once = await fineTune(embedded, { train: rows, ...quick, epochs: 1 })
    expect(() => merge(once as never)).toThrow(/merge, model: not a valid value, .*Write await tuned\.adapted\(\)/)
    const early = once.evaluate(rows)
    await once.release()
    await expect(early).rejects.toThrow(/it has been released.*Await the calls before a release/)
    const folder = out('released')
    await refusesAll(once, folder)
  })

  it('says so too when it was opened again, before a folder or a table is read or written', async () => {
    const trained = await fineTune(embedded, { train: rows, ...quick, epochs: 1 })
    await trained.save(out('open'))
    await trained.release()
    const opened = await loadFineTuned(out('open'), { ...reopening(embedded), device: defaultDevice() })
    await opened.release()
    await refusesAll(opened, out('not-written'))
    expect(filesOf(out('not-written')).names()).toEqual([])
  })

  it('trains in a run of one step, and frees what only trains', async () => {
    const end = vi.spyOn(TrainingSession.prototype, 'endTraining')
    const once = await fineTune(embedded, {
      train: [rows[0], rows[4]] as typeof rows,
      epochs: 1,
      device: defaultDevice(),
    })
    expect(end).toHaveBeenCalledTimes(1)
    await once.save(out('once'))
    await once.release()
    const { tensors } = readAdapter(out('once'))
    const updates = [...tensors].filter(([name]) => name.includes('lora_B'))
    expect(updates.length).toBeGreaterThan(0)
    expect(updates.filter(([, tensor]) => toFloat32(tensor).some(Boolean)).length).toBe(updates.length)
  })

  it('classifies right after training, and the same from its folder, merged or not, and exported', async () => {
    const expected = await tuned.classify(texts)
    for (const { label, index, probabilities } of expected) {
      expect(label).toBe(tuned.labels[index])
      expect(probabilities[index]).toBe(Math.max(...probabilities))
      expect(probabilities.reduce((a, b) => a + b)).toBeCloseTo(1, 6)
    }
    await tuned.save(out('saved'))
    const probabilities = expected.flatMap((one) => one.probabilities)
    for (const merge of [false, true]) {
      const opened = await loadFineTuned(out('saved'), { ...reopening(embedded), merge, device: defaultDevice() })
      const answers = await opened.classify(texts)
      expect(opened.metrics).toEqual(tuned.metrics)
      expect((await opened.evaluate(rows)).loss).toBeCloseTo((await tuned.evaluate(rows)).loss, 4)
      await opened.release()
      expect(answers.map(({ label }) => label)).toEqual(expected.map(({ label }) => label))
      expect(answers.flatMap((one) => one.probabilities)).toBeAllclose(probabilities, { atol: 1e-5 })
    }
    await tuned.export(out('exported'))
    const classifier = await loadClassifier(out('exported'))
    expect(classifier.labels).toEqual(['many', 'one'])
    expect((await classifier.classify(texts)).flatMap((one) => one.probabilities)).toBeAllclose(probabilities, {
      atol: 1e-5,
    })
    await classifier.release()
  })

  it('no texts are no answers; one text in place of an array, and what is no text, are refused', async () => {
    expect(await tuned.classify([])).toEqual([])
    await expect(tuned.classify(new Array<string>(2))).rejects.toThrow(/^texts, row 1: an empty place of the array/)
    await expect(tuned.classify([['the', 'cat'] as never])).rejects.toThrow(
      /^texts, row 1: an array in place of a text.*\["the","cat"\]/,
    )
    await expect(tuned.evaluate(['the cat' as never])).rejects.toThrow(/^rows, row 1: not a row.*found "the cat"/)
    await expect(tuned.classify('the cat' as never)).rejects.toThrow(/^texts: not an array, .*"the cat".*\[text\]/)
    await expect(tuned.classify([null] as never)).rejects.toThrow(/^texts, row 1, field "text": not a text/)
    await expect(tuned.evaluate([{ text: 'the cat', label: 'several' }])).rejects.toThrow(
      /rows, row 1, field "label": a label .*The model knows its classes alone: rename the label, or leave the row out/,
    )
    await expect(tuned.evaluate(undefined as never)).rejects.toThrow(
      /^rows: not an array, expected an array, found nothing/,
    )
    await expect(tuned.evaluate([...rows, { text: 'the cat' }] as never)).rejects.toThrow(
      /^rows, row 9, field "label": the row has no such field, .*found only text\. Other rows have it: fill it, or leave/,
    )
  })

  it.each([
    [
      { dtype: 'fp16' },
      /option dtype: not a valid value, expected "float32", "float16", "int8", "int4", "packed", found "fp16"/,
    ],
    [{ layout: 'flatten' }, /option layout: not a valid value, expected "flat", "hub", found "flatten"/],
    [{ dtyp: 'int8' }, /export, option dtyp: no such option\. .*Did you mean dtype\?/],
  ])('refuses to export with %j, and writes nothing', async (options, message) => {
    await expect(tuned.export(out('refused'), options as never)).rejects.toThrow(message)
    expect(filesOf(out('refused')).names()).toEqual([])
  })

  it('gives logits, and a fingerprint that its folder has too and another model has not', async () => {
    const logits = await tuned.logits(texts)
    const exps = Array.from(logits, Math.exp)
    const expected = exps.map((x, i) => x / ((exps[i - (i % 2)] as number) + (exps[i - (i % 2) + 1] as number)))
    expect((await tuned.classify(texts)).flatMap((one) => one.probabilities)).toBeAllclose(expected, { atol: 1e-6 })
    await tuned.save(out('fingerprint'))
    const opened = await loadFineTuned(out('fingerprint'), { ...reopening(embedded), device: defaultDevice() })
    expect(await opened.fingerprint()).toBe(await tuned.fingerprint())
    await opened.release()
    const other = await fineTune(embedded, { train: rows, ...quick, epochs: 1 })
    expect(await other.fingerprint()).not.toBe(await tuned.fingerprint())
    await other.release()
  })

  it('saves an adapter that the functions of adapters read', async () => {
    await tuned.save(out('adapter'))
    const adapter = readAdapter(out('adapter'))
    expect(adapter.config.task_type).toBe('SEQ_CLS')
    expect(adapter.head).toEqual({ name: 'score', num_labels: 2, pooling: 'last', labels: ['many', 'one'] })
    expect([...adapter.tensors.keys()].filter((name) => !name.includes('lora_'))).toEqual([
      'base_model.model.score.weight',
    ])
  })
})

describe('what fineTune takes', () => {
  it('models that are open already', async () => {
    for (const source of [await loadPretrained(embedded, { num_labels: 2 })]) {
      const tuned = await fineTune(source, { train: rows, ...quick })
      expect((await tuned.classify(texts)).length).toBe(3)
      await tuned.release()
    }
  })

  it.each([
    ['numbers', [3, 1, 10], [1, 3, 10]],
    ['booleans', [true, false, true], [false, true]],
  ] as const)('labels that are %s, and gives them back as they are', async (_, labels, classes) => {
    const train = rows.map(({ text }, i) => ({ text, label: labels[i % labels.length] as number | boolean }))
    const tuned = await fineTune(embedded, { train, ...quick })
    expect(tuned.labels).toEqual(classes)
    const [answer] = await tuned.classify(texts)
    expect(classes).toContain(answer?.label)
    await tuned.save(out(`labels-${_}`))
    await tuned.release()
    const opened = await loadFineTuned(out(`labels-${_}`), { ...reopening(embedded), device: defaultDevice() })
    expect(opened.labels).toEqual(classes)
    await opened.release()
  })

  it.each([
    ['VERA', { peft_type: 'VERA', r: 8, target_modules: 'all-linear' }],
    ['VERA', { peft_type: 'VERA', r: 8, save_projection: false }],
    ['IA3', { peft_type: 'IA3' }],
  ] satisfies [string, AdapterConfig][])('an adapter of the method %s, %j', async (peft_type, lora) => {
    const tuned = await fineTune(embedded, { train: rows, lora, learning_rate: 0.05, ...quick, epochs: 6 })
    expect(tuned.training?.history.at(-1)?.train_loss).toBeLessThan(
      0.9 * (tuned.training?.history[0]?.train_loss as number),
    )
    const expected = (await tuned.classify(texts)).flatMap((one) => one.probabilities)
    const path = out(`method-${peft_type}`)
    await tuned.save(path)
    await tuned.release()
    expect(readAdapter(path).config.peft_type).toBe(peft_type)
    for (const merge of [false, true]) {
      const opened = await loadFineTuned(path, { ...reopening(embedded), device: defaultDevice(), merge })
      expect((await opened.classify(texts)).flatMap((one) => one.probabilities)).toBeAllclose(expected, { atol: 1e-5 })
      await opened.release()
    }
  })

  it('classes in an order of one’s own', async () => {
    const tuned = await fineTune(embedded, { train: rows, labels: ['one', 'many', 'none'], ...quick })
    expect(tuned.labels).toEqual(['one', 'many', 'none'])
    await tuned.save(out('ordered'))
    await tuned.release()
    await expect(
      loadFineTuned(out('ordered'), { ...reopening(embedded), labels: ['many', 'none', 'one'] }),
    ).rejects.toThrow(
      /option labels: the model was trained with another one.*Write them in this order: \["one","many","none"\]\./,
    )
    await expect(loadFineTuned(out('ordered'), { ...reopening(embedded), labels: ['many', 'one'] })).rejects.toThrow(
      /Leave the option out/,
    )
  })

  it('says how a decimal comma is read, in a number and in a similarity', async () => {
    const train = rows.map(({ text }) => ({ text, label: '1,5' }))
    await expect(fineTune(embedded, { train, problem_type: 'regression', ...quick })).rejects.toThrow(
      /field "label": not a number, .*decimal comma: Number\(row\.label\.replace\(',', '\.'\)\)\./,
    )
    const alike = [{ sentence1: 'the cat', sentence2: 'cat', score: '0,5' }] as never
    await expect(fineTune(embedded, { task: 'FEATURE_EXTRACTION', train: alike, ...quick })).rejects.toThrow(
      /field "score": not a similarity.*Number\(row\.score\.replace/,
    )
  })

  it('tells of rows that are in both parts', async () => {
    const told = async (options: object) => {
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      const tuned = await fineTune(embedded, { train: rows, ...quick, ...options, callbacks })
      await tuned.release()
      return warnings.filter((message) => message.includes('validation rows'))
    }
    const fresh = [{ text: 'the cat', label: 'one' }]
    expect(await told({ validation: fresh })).toEqual([])
    expect(await told({ validation: [...fresh, { ...rows[1], id: 7 }, rows[2]] })).toEqual([
      '2 of 3 validation rows are train rows too, validation, row 2 for one: scores are better than on new rows; ' +
        'leave out one of each',
    ])
    const twice = [...rows, ...rows.map((row) => ({ ...row }))]
    const [shared] = await told({ train: twice, validation: 0.2 })
    expect(shared).toMatch(/^\d of \d validation rows are train rows too, train, row \d+ for one/)
  })

  it('scores of one’s own beside the task’s, in place of those of the same name, also for the best epoch', async () => {
    const train = rows.map((row, i) => ({ ...row, id: i }))
    const asked: number[] = []
    const compute_metrics = async ({ predictions, rows: scored, examples, metrics, loss }: ScoredRows<'SEQ_CLS'>) => {
      asked.push(scored.length)
      const right = scored.filter(({ label }, i) => label === ['many', 'one'][examples[i]?.target?.[0] as number])
      expect([right.length, predictions.length]).toEqual([scored.length, scored.length])
      expect(predictions.every((logits) => logits.length === 2)).toBe(true)
      return { mcc: 7, twice: 2 * (metrics.accuracy as number), loss_again: loss }
    }
    const tuned = await fineTune(embedded, {
      train,
      validation: train.slice(4, 7),
      compute_metrics,
      metric_for_best_model: 'twice',
      ...quick,
    })
    const { history = [], best } = tuned.training ?? {}
    // Before the training for the function and the name, then after each epoch, of both parts.
    expect(asked).toEqual([3, 3, 8, 3, 8])
    expect(best?.value).toBe(Math.max(...history.map(({ eval_metrics }) => eval_metrics.twice as number)))
    expect(tuned.metrics).toMatchObject({ mcc: 7, twice: 2 * (tuned.metrics.accuracy as number) })
    expect(history[0]?.train_metrics.mcc).toBe(7)
    const { loss, metrics } = await tuned.evaluate(train.slice(0, 2))
    expect([metrics.loss_again, metrics.mcc]).toEqual([loss, 7])
    await tuned.save(out('scored'))
    await tuned.release()
    for (const options of [{}, { compute_metrics }]) {
      const opened = await loadFineTuned(out('scored'), { ...reopening(embedded), device: defaultDevice(), ...options })
      expect(opened.metrics.mcc).toBe(7)
      const { metrics } = await opened.evaluate(train.slice(0, 2))
      expect(metrics.mcc === 7).toBe('compute_metrics' in options)
      await opened.release()
    }
  })

  it('scores of one’s own for every task, without validation too', async () => {
    const words = rows.map(({ text }) => ({ words: text.split(' '), tags: ['O', 'B-X', 'O'] }))
    const pairs = rows.map(({ text }) => ({ anchor: text, positive: text }))
    const of = async <T extends TaskType>(task: T, train: readonly TaskTypes[T]['row'][]) => {
      const compute_metrics = ({ predictions, rows: scored }: ScoredRows<T>) => ({
        count: predictions.length,
        same: Number(scored.every((row) => train.includes(row))),
      })
      const options = { task, train, compute_metrics, ...quick, epochs: 1 }
      const tuned = await fineTune<T>(embedded, options as never as FineTuneOptions<T>)
      const { metrics } = await tuned.evaluate(train)
      await tuned.release()
      return metrics
    }
    const own = { count: rows.length, same: 1 }
    expect(await of('TOKEN_CLS', words)).toMatchObject({ ...own, f1: expect.any(Number) })
    expect(await of('FEATURE_EXTRACTION', pairs)).toMatchObject({ ...own, accuracy_at_1: expect.any(Number) })
    expect(await of('CAUSAL_LM', rows)).toMatchObject({ ...own, perplexity: expect.any(Number) })
  })

  it('weights of classes, as CrossEntropyLoss(weight) has them', async () => {
    const labels = ['one', 'many', 'one', 'many', 'one', 'none']
    const train = labels.map((label, i) => ({ text: rows[i]?.text as string, label }))
    // scikit-learn's compute_class_weight('balanced').
    const balanced = { one: 2 / 3, many: 1, none: 2 }
    for (const [class_weight, weights] of [
      ['balanced', balanced],
      [
        { one: 3, none: 0.5 },
        { one: 3, many: 1, none: 0.5 },
      ],
    ] as const) {
      const tuned = await fineTune(embedded, { train, class_weight, ...quick })
      const logits = await tuned.logits(train.map(({ text }) => text))
      const { loss } = await tuned.evaluate(train)
      await tuned.save(out('weighted'))
      await tuned.release()
      const terms = train.map(({ label }, i) => {
        const row = [...logits.subarray(i * 3, i * 3 + 3)]
        const sum = row.reduce((all, logit) => all + Math.exp(logit), 0)
        const weight = weights[label as keyof typeof weights]
        return [weight, weight * (Math.log(sum) - (row[tuned.labels.indexOf(label)] as number))] as const
      })
      const total = (part: 0 | 1) => terms.reduce((sum, term) => sum + term[part], 0)
      expect(loss).toBeCloseTo(total(1) / total(0), 4)
      const opened = await loadFineTuned(out('weighted'), { ...reopening(embedded), device: defaultDevice() })
      expect((await opened.evaluate(train)).loss).toBeCloseTo(loss, 4)
      await opened.release()
    }
  })

  it('weights of positive rows, as BCEWithLogitsLoss(pos_weight) has them', async () => {
    const of = [['a'], ['a', 'b'], ['a'], [], ['b', 'all'], ['c']].map((labels) => [...new Set([...labels, 'all'])])
    const train = of.map((label, i) => ({ text: rows[i]?.text as string, label }))
    for (const [pos_weight, weights] of [
      ['balanced', { a: 1, b: 2, c: 5, all: 1 }],
      [
        { b: 3, c: 0.5 },
        { a: 1, b: 3, c: 0.5, all: 1 },
      ],
    ] as const) {
      const tuned = await fineTune(embedded, { train, pos_weight, ...quick })
      const logits = await tuned.logits(train.map(({ text }) => text))
      const { loss } = await tuned.evaluate(train)
      await tuned.save(out('positive'))
      await tuned.release()
      const losses = train.flatMap(({ label }, i) =>
        tuned.labels.map((name, c) => {
          const p = 1 / (1 + Math.exp(-(logits[i * 4 + c] as number)))
          return label.includes(name) ? -weights[name as keyof typeof weights] * Math.log(p) : -Math.log(1 - p)
        }),
      )
      expect(loss).toBeCloseTo(losses.reduce((sum, one) => sum + one, 0) / losses.length, 4)
      const opened = await loadFineTuned(out('positive'), { ...reopening(embedded), device: defaultDevice() })
      expect((await opened.evaluate(train)).loss).toBeCloseTo(loss, 4)
      await opened.release()
    }
  })

  it('pairs of texts', async () => {
    const folder = exportFolder(out, 'bert-bare-torchscript')
    const train = rows.map(({ text, label }) => ({ text, text_pair: 'the cat sleeps', label }))
    const tuned = await fineTune(folder, { train, ...quick })
    const [text] = texts as [string]
    const [pair, other] = await tuned.classify(['the cat sleeps', 'the dog'].map((text_pair) => ({ text, text_pair })))
    expect(pair?.probabilities).not.toEqual(other?.probabilities)
    await tuned.save(out('pairs'))
    const form = 'a row of another form than the first training row, expected text, text_pair, found text'
    const opened = await loadFineTuned(out('pairs'), { base: folder, device: defaultDevice() })
    for (const one of [tuned, opened]) {
      await expect(one.classify([text])).rejects.toThrow(`texts, row 1: ${form}`)
      await expect(one.classify([[text, text]] as never)).rejects.toThrow(
        /texts, row 1: an array in place of a text, found \["the.*\. Write \{ text, text_pair \}\./,
      )
      await expect(one.logits([{ text }])).rejects.toThrow(`texts, row 1: ${form}`)
      await expect(one.evaluate(rows)).rejects.toThrow(`rows, row 1: ${form}`)
      await one.release()
    }
    // What was saved without the setting takes either.
    const settings = readText(out('pairs'), 'fine_tuned.json')
    writeText(out('pairs'), 'fine_tuned.json', settings.replace(/,\s*"pairs": true/, ''))
    const before = await loadFineTuned(out('pairs'), { base: folder, device: defaultDevice() })
    expect(await before.classify([text, { text, text_pair: text }])).toHaveLength(2)
    await before.release()
    const misspelt = { text, textPair: 'the cat', label: 'one', text_pair: undefined } as never
    await expect(fineTune(folder, { train: [...train, misspelt], ...quick })).rejects.toThrow(
      `train, row ${train.length + 1}: ${form}, textPair, label. Rename textPair to text_pair.`,
    )
    await expect(fineTune(folder, { train: [...rows, ...train], ...quick })).rejects.toThrow(
      `train, row ${rows.length + 1}: a row of another form than the first training row, expected text, found text, text_`,
    )
  })

  it.each(exportNames)('%s, exported elsewhere, from its folder and open already', async (name) => {
    const folder = exportFolder(out, name)
    for (const source of [folder, await openOnnxModel(folder)]) {
      const tuned = await fineTune(source, { train: rows, validation: rows, ...quick })
      const expected = (await tuned.classify(texts)).flatMap((one) => one.probabilities)
      await tuned.save(out(`saved-${name}`))
      await tuned.export(out(`exported-${name}`))
      await tuned.release()
      const opened = await loadFineTuned(out(`saved-${name}`), {
        ...reopening(folder),
        device: defaultDevice(),
        merge: true,
      })
      expect((await opened.classify(texts)).flatMap((one) => one.probabilities)).toBeAllclose(expected, { atol: 1e-5 })
      await opened.release()
      const classifier = await loadClassifier(out(`exported-${name}`))
      expect((await classifier.classify(texts)).flatMap((one) => one.probabilities)).toBeAllclose(expected, {
        atol: 1e-5,
      })
      await classifier.release()
    }
  })

  it('is exported with the longest text that it was trained on', async () => {
    const folder = exportFolder(out, 'bert-seq-torchscript')
    const tuned = await fineTune(folder, { train: rows, ...quick, max_length: 4 })
    const long = ['the cat sleeps the girls laugh the boys sleep']
    const expected = await tuned.logits(long)
    expect(await tuned.logits(['the cat'])).toBeAllclose(expected, { atol: 1e-6 })
    for (const layout of ['flat', 'hub'] as const) {
      await tuned.export(out(`short-${layout}`), { layout })
      const classifier = await loadClassifier(out(`short-${layout}`))
      expect(classifier.max_length).toBe(4)
      expect(await classifier.logits(long)).toBeAllclose(expected, { atol: 1e-5 })
      await classifier.release()
    }
    await tuned.release()
  })

  it('several labels a text', async () => {
    const train = rows.map(({ text }, i) => ({
      text,
      label: [...(i < 4 ? ['many'] : []), ...(text.includes('sleep') ? ['sleep'] : [])],
    }))
    const tuned = await fineTune(embedded, { train, validation: train, ...quick, epochs: 12 })
    expect(tuned.settings.problem_type).toBe('multi_label_classification')
    expect(Object.keys(tuned.metrics)).toContain('subset_accuracy')
    const [answer] = await tuned.classify(['the girls sleep'])
    expect(answer?.labels).toEqual(tuned.labels.filter((_, i) => (answer?.probabilities[i] as number) >= 0.5))
    await tuned.export(out('several'))
    expect(JSON.parse(readText(out('several'), 'config.json')).problem_type).toBe('multi_label_classification')
    const classifier = await loadClassifier(out('several'))
    const expected = await tuned.classify(texts)
    for (const [i, { labels, probabilities }] of (await classifier.classify(texts)).entries()) {
      expect(labels).toEqual(expected[i]?.labels)
      expect(probabilities).toBeAllclose(expected[i]?.probabilities ?? [], { atol: 1e-5 })
    }
    await classifier.release()
    await tuned.release()
  })

  it('numbers', async () => {
    const train = rows.map(({ text }, i) => ({ text, label: i < 4 ? 0.9 : -0.4 }))
    const tuned = await fineTune(embedded, {
      train,
      validation: train,
      problem_type: 'regression',
      ...quick,
      epochs: 12,
    })
    expect(Object.keys(tuned.metrics).sort()).toEqual(['mse', 'pearson', 'spearman'])
    expect(tuned.metrics.pearson).toBeGreaterThan(0.5)
    const [answer] = await tuned.classify(['the girls sleep'])
    expect(answer).toMatchObject({ label: undefined, index: -1, probabilities: [], value: expect.any(Number) })
    expect(answer?.score).toBe(answer?.value)
    await tuned.export(out('numbers'))
    const classifier = await loadClassifier(out('numbers'))
    expect((await classifier.classify(['the girls sleep']))[0]?.value).toBeCloseTo(answer?.value as number, 5)
    await classifier.release()
    await tuned.release()
  })

  it.each(['last', 'first', 'mean'] as const)(
    'a packed model read at the %s token, exported as it computes',
    async (pooling) => {
      const tuned = await fineTune(embedded, { train: rows, pooling, ...quick })
      const expected = (await tuned.classify(texts)).flatMap((one) => one.probabilities)
      await tuned.export(out(pooling))
      await tuned.release()
      const classifier = await loadClassifier(out(pooling))
      expect((await classifier.classify(texts)).flatMap((one) => one.probabilities)).toBeAllclose(expected, {
        atol: 1e-5,
      })
      await classifier.release()
    },
  )
})

describe('refuses, before anything is trained', () => {
  const bad = (change: object, options: object = {}) =>
    fineTune(embedded, { train: [...rows.slice(0, 7), { ...rows[7], ...change } as never], ...quick, ...options })
  it.each([
    [{ text: '' }, /train, row 8, field "text": an empty text/],
    [{ text: 7 }, /train, row 8, field "text": not a text, expected a string, found 7/],
    [{ text: ['a'] }, /train, row 8, field "text": not a text/],
    [{ text_pair: null }, /train, row 8, field "text_pair": not a text/],
    [{ label: null }, /train, row 8, field "label": not a label/],
    [{ label: Number.NaN }, /train, row 8, field "label": not a label/],
    [{ label: { name: 'one' } }, /train, row 8, field "label": not a label/],
    [{ label: 1 }, /train, field "label": labels of several types/],
    [{ label: undefined }, /train, row 8, field "label": the field is undefined, found only text\. Other rows have it/],
    [{ text: undefined, Satz: 'a' }, /train, row 8, field "text": the field is undefined, found only label, Satz\. Is/],
  ])('a row with %j', async (change, message) => {
    await expect(bad(change)).rejects.toThrow(DataError)
    await expect(bad(change)).rejects.toThrow(message)
  })
  it.each([
    [
      { validation: [{ text: 'the cat', label: 'several' }] },
      /validation, row 1, field "label": a label that is none of the classes/,
    ],
    [
      {
        validation: [
          { text: 'the cat', label: 'one' },
          { text: '', label: 'one' },
        ],
      },
      /validation, row 2, field "text"/,
    ],
    [{ validation: [{ text: 'the cat' }] }, /validation, row 1, field "label": the row has no such field/],
    [{ problem_type: 'regression', train: [{ text: 'a', label: 1 }, { text: 'b' }] }, /train, row 2, field "label"/],
    [{ labels: ['one', 'other'] }, /train, row 1, field "label": a label .*Name it with the option labels too/],
    [
      {
        train: [
          { text: 'a', label: 4 },
          { text: 'b', label: 4.5 },
        ],
      },
      /train, field "label": not a whole number.*found 4.5.*problem_type: 'regression'/,
    ],
    [
      { validation: [{ text: 'the cat', label: 'One' }] },
      /validation, row 1, field "label": a label that is none.*found "One"\. Did you mean one\?/,
    ],
    [{ train: [] }, /option train: no rows/],
    [{ train: [null] }, /option train, row 1: not a row/],
    [{ train: rows.slice(0, 4) }, /too few classes/],
    [
      { problem_type: 'regression', train: [{ text: 'a', label: '4.5' }] },
      /train, row 1, field "label": not a number.*found "4\.5"\. Make it a number: Number\(row\.label\)\./,
    ],
    [{ problem_type: 'regression', train: [{ text: 'a', label: '0' }] }, /Make it a number: Number\(row\.label\)\./],
    [
      { problem_type: 'regression' },
      /field "label": not a number.*found "\w+"\. Where labels are classes, leave problem_type out\./,
    ],
    [
      { problem_type: 'regression', train: [{ text: 'a', label: Number('one') }] },
      /field "label": not a number.*found NaN\. Where labels are classes, leave problem_type out\./,
    ],
    [{ problem_type: 'multi_label_classification' }, /train, row 1, field "label": not an array of labels/],
    [{ labels: ['one'] }, /too few classes/],
    [
      { train: rows.map((row, i) => (i === 3 ? { ...row, label: `${row.label} ` } : row)) },
      /train, field "label": two labels that look alike.*, found "\w+" and "\w+ "/,
    ],
    [
      { train: rows.map((row, i) => ({ ...row, label: i % 2 ? [1, 0, 1] : [0, 1, 0] })) },
      /train, row 1, field "label": a label twice, .*the places of the ones/,
    ],
  ])('rows with %j', async (options, message) => {
    await expect(bad({}, options)).rejects.toThrow(DataError)
    await expect(bad({}, options)).rejects.toThrow(message)
  })
  it.each([
    [{ validation: 1.5 }, /fineTune, option validation: not a valid value, expected a number above 0 and below 1/],
    [{ learningRate: 1 }, /fineTune, option learningRate: no such option\. .*Did you mean learning_rate\?/],
    [{ lr: 1e-3 }, /fineTune, option lr: no such option\. .*Did you mean learning_rate\?/],
    [{ eval_strategy: 'epoch' }, /option eval_strategy: no such option\. .*Each epoch ends with an evaluation/],
    [{ eval_dataset: [] }, /option eval_dataset: no such option\. .*It is validation/],
    [{ evaluation: [] }, /option evaluation: no such option\. .*It is validation/],
    [{ load_in_4bit: true }, /option load_in_4bit: no such option\. .*quantization: \{ bits: 4 \}/],
    [{ r: 4 }, /option r: no such option\. .*lora: \{ r: \.\.\. \}/],
    [{ class_weights: [1, 2] }, /option class_weights: .*It is class_weight: 'balanced', or \{ label: weight \}\./],
    [{ compute_metrics: 'f1' }, /option compute_metrics: not a valid value, expected a function/],
    [{ compute_metrics: () => 'f1' }, /option compute_metrics: it gives no metrics, .* found "f1"/],
    [
      { compute_metrics: async () => ({ f1: '1' }) },
      /option compute_metrics: it gives no metrics, .* found \{"f1":"1"\}/,
    ],
    [
      { compute_metrics: ({ rows }: { rows: [] }) => (rows as never as { no: { f1: object } }).no.f1 },
      /option compute_metrics: it fails, found Cannot read properties of undefined/,
    ],
    [
      {
        compute_metrics: ({ rows }: { rows: [] }) => (rows as never as { no: { f1: object } }).no.f1,
        metric_for_best_model: 'f1',
        validation: rows,
      },
      /^option compute_metrics: it fails, found Cannot read properties of undefined/,
    ],
    [{ loss: 'mse' }, /option loss: .*The loss is the task's, with class_weight, pos_weight and label_smoothing/],
    [{ adam_beta1: 0.9 }, /option adam_beta1: .*the Trainer of @cola\/train takes any optimizer/],
    [{ label_smoothing_factor: 0.1 }, /option label_smoothing_factor: .*Did you mean label_smoothing\?/],
    [{ per_device_train_batch_size: 1 }, /It is batch_size\./],
    [{ num_train_epochs: 1 }, /It is epochs\./],
    [{ lr_scheduler: 'cosine' }, /It is lr_scheduler_type/],
    [{ max_seq_length: 8 }, /It is max_length/],
    [{ early_stopping: true }, /It is early_stopping_patience/],
    [{ packing: true }, /there is no packing/],
    [{ peft_config: {} }, /It is lora/],
    [{ test_size: 0.2 }, /It is validation/],
    [
      { train: { text: ['a', 'b'], label: [1, 2] } },
      /option train: columns in .*: train\.text\.map\(\(text, i\) => \(\{ text, label: train\.label\[i\] \}\)\)\.$/,
    ],
    [
      { train: 'chat.jsonl' },
      /option train: .*expected an array of rows, as readRecords gives, or a table of readTable/,
    ],
    [{ class_weight: { one: -1 } }, /option class_weight: not a valid value, expected 'balanced', or an object of/],
    [{ class_weight: [1, 2] }, /option class_weight: not a valid value/],
    [{ class_weight: new Map([['one', 2]]) }, /option class_weight: a Map/],
    [{ class_weight: { one: 0, many: 0 } }, /option class_weight: each row has weight 0.*expected .* above 0/],
    [
      { class_weight: { two: 1 } },
      /option class_weight: a weight of what is no class, expected "many", "one", found "two"/,
    ],
    [
      { class_weight: 'balanced', problem_type: 'regression', train: [{ text: 'a', label: 1 }] },
      /option class_weight: it has no effect here, expected problem_type single_label_classification, found regr/,
    ],
    [
      { class_weight: 'balanced', train: [{ text: 'a', label: ['x', 'y'] }] },
      /option class_weight: it has no effect here, .*found multi_label.*several labels a text have pos_weight\./,
    ],
    [
      { pos_weight: 'balanced' },
      /option pos_weight: it has no effect here, .*found single_label.*one label a text has class_weight\./,
    ],
    [{ pos_weight: [1, 2] }, /option pos_weight: not a valid value, expected 'balanced', or an object of/],
    [
      { pos_weight: { z: 1 }, train: [{ text: 'a', label: ['x', 'y'] }] },
      /option pos_weight: a weight of what is no class, expected "x", "y", found "z"/,
    ],
    [{ callbacks: { onepoch: () => {} } }, /fineTune, option callbacks, option onepoch: .*Did you mean onEpoch\?/],
    [{ early_stopping_patience: 1 }, /fineTune, option early_stopping_patience: .*Give validation\./],
    [
      { signal: new AbortController() },
      /fineTune, option signal: .*expected an AbortSignal, .*Write controller\.signal\./,
    ],
    [{ resume: true }, /fineTune, option resume: .*Give output_dir\./],
    [
      { quantization: { bits: 4 }, open: { quantization: { bits: 8 } } },
      /fineTune, option quantization: open has one too\. Leave one of them out\./,
    ],
    [
      { problem_type: 'regression', label_smoothing: 0.1, train: [{ text: 'a', label: 1 }] },
      /option label_smoothing: it has no effect here, expected problem_type single_label_classification, found regression/,
    ],
    [
      {
        label_smoothing: 0.1,
        train: [
          { text: 'a', label: ['one'] },
          { text: 'b', label: ['two'] },
        ],
      },
      /option label_smoothing: it has no effect here, .*found multi_label_classification\. Leave it out\./,
    ],
    [{ save_steps: 2 }, /fineTune, option save_steps: .*Give output_dir\./],
    [{ learning_rate: Number.NaN }, /option learning_rate/],
    [{ problem_type: 'several' }, /option problem_type/],
    [
      { task: 'SEQ_CLASS' },
      /option task: not known, expected "SEQ_CLS", .*, found "SEQ_CLASS"\. Did you mean "SEQ_CLS"\?/,
    ],
    ...[
      ['seq_cls', 'SEQ_CLS'],
      ['text-classification', 'SEQ_CLS'],
      ['Sequence_Classification', 'SEQ_CLS'],
      ['token-classification', 'TOKEN_CLS'],
      ['ner', 'TOKEN_CLS'],
      ['feature-extraction', 'FEATURE_EXTRACTION'],
      ['text-generation', 'CAUSAL_LM'],
      ['CausalLM', 'CAUSAL_LM'],
    ].map(([task, meant]): [object, RegExp] => [{ task }, RegExp(`task: not known, .* Did you mean "${meant}"\\?`)]),
    [{ task: 'SUMMARIZATION' }, /option task: not known, .*found "SUMMARIZATION"\.$/],
    [{ task: Object.create(null) }, /option task: not known, .*found an object with no fields\.$/],
    [{ task: ['SEQ_CLS'] }, /option task: not known, .*found \[SEQ_CLS\]\.$/],
    [{ lora: { peft_type: Object.create(null) } }, /field "peft_type": not known, .*found an object with no fields\./],
    [{ frozenProducts: 'int4' }, /option frozenProducts: not a valid value, .*found "int4"\.$/],
    [{ frozenProducts: 'bfloat16' }, /option frozenProducts: not a valid value, .*found "bfloat16"\.$/],
    [
      { lora: { task_type: 'CAUSAL_LM' } },
      /^fineTune, option lora, field "task_type": it contradicts the task, expected SEQ_CLS, found "CAUSAL_LM"\. Write task: 'CAUSAL_LM', or leave task_type out\.$/,
    ],
    [{ lora: { task_type: 'QUESTION_ANS' } }, /expected SEQ_CLS, found "QUESTION_ANS"\. Leave it out: the task says/],
    [{ lora: { bias: 'ALL' } }, /field "bias": not a valid value, .*Did you mean "all"\?/],
    [{ lora: { init_lora_weights: 'PISSA' } }, /field "init_lora_weights": .*Did you mean "pissa"\?/],
    [{ lora: { peft_type: 'lora' } }, /field "peft_type": .*Did you mean "LORA"\?/],
    [{ pooling: 'Mean' }, /option pooling: .*Did you mean "mean"\?/],
    [{ lr_scheduler_type: 'COSINE' }, /option lr_scheduler_type: .*Did you mean "cosine"\?/],
    [{ frozenProducts: 'INT8' }, /option frozenProducts: .*Did you mean "int8"\?/],
    [{ metric_for_best_model: 'Accuracy', validation: rows }, /no such metric, .*Did you mean "accuracy"\?/],
    [{ lora: { r: 0 } }, /LoraConfig, field "r"/],
    [{ lora: { rank: 4 } }, /LoraConfig, field "rank": no such field\. Did you mean r\?/],
    [{ lora: { alpha_lora: 4, loraAlpha: 8 } }, /LoraConfig, field "alpha_lora": no such field/],
    [{ lora: { loraAlpha: 8 } }, /LoraConfig, field "loraAlpha": .*Did you mean lora_alpha\?/],
    [{ metric_for_best_model: 'f2', validation: rows }, /no such metric/],
    [{ pooling: 'middle' }, /option pooling/],
    [{ labels: ['one', 'many', 'one'] }, /option labels: not a valid value, expected an array of different names/],
    [{ labels: [null, 'one', 'many'] }, /option labels/],
    [{ labels: ['one', 'many', 1] }, /option labels/],
  ])('options %j', async (options, message) => {
    await expect(bad({}, options)).rejects.toThrow(ConfigError)
    await expect(bad({}, options)).rejects.toThrow(message)
  })
  it('a misspelt field of an adapter, by its type too', async () => {
    // @ts-expect-error: rank is no field of PEFT's
    await expect(fineTune(embedded, { train: rows, lora: { rank: 4 } })).rejects.toThrow(ConfigError)
  })
  it.each([undefined, null, 'quick', []])('%j in place of options', async (options) => {
    await expect(fineTune(embedded, options as never)).rejects.toThrow(ConfigError)
    await expect(fineTune(embedded, options as never)).rejects.toThrow(/fineTune, options: .*expected an object/)
  })
  it.each([
    [{}, /settings: a setting is missing, expected problem_type/],
    [{ problem_type: 'ranking', labels: ['a', 'b'], pooling: 'last', label_smoothing: 0 }, /option problem_type/],
  ])('a folder whose settings are %j', async (settings, message) => {
    const folder = out('damaged')
    const base = { name: filesOf(embedded).where }
    const saved = { version: 1, task_type: 'SEQ_CLS', settings, max_length: 8, base, metrics: {} }
    writeText(folder, 'fine_tuned.json', JSON.stringify(saved))
    await expect(loadFineTuned(folder)).rejects.toThrow(ConfigError)
    await expect(loadFineTuned(folder)).rejects.toThrow(message)
  })
  it.each([
    [{ loraAlpha: 16 }, /field "loraAlpha": no such field.*lora_alpha/],
    [{ rank: 4 }, /field "rank": no such field/],
    [{ targetModules: ['c_attn'] }, /field "targetModules": no such field.*target_modules/],
  ])('an adapter configuration with %j', async (lora, message) => {
    await expect(bad({}, { lora })).rejects.toThrow(message)
  })
  it('a fine-tuned model in place of its folder', async () => {
    const tuned = await fineTune(embedded, { train: rows, ...quick })
    await expect(fineTune(embedded, { train: rows, adapter: tuned as never })).rejects.toThrow(
      /fineTune, option adapter: a fine-tuned model, expected a folder.*Save it first: await tuned\.save\(folder\)/,
    )
    await tuned.release()
  })
  it.each([
    [
      'onnx/model.onnx',
      /no fine_tuned.json.*found onnx\/model.onnx.*with loadClassifier.*loadFineTuned\(adapter, \{ base/,
    ],
    [
      'model.safetensors',
      /no fine_tuned.json.*adapter of PEFT's.*loadDistilled of @cola\/distill.*loadFineTuned\(adapter, \{ base/,
    ],
  ])('the folder of another kind, with %s', async (name, message) => {
    await expect(loadFineTuned({ [name]: new Uint8Array() })).rejects.toThrow(message)
  })
})
