// What save wrote, open again: it answers, is scored, saved and exported as before.

import { type BytesByName, type Label, memoryFiles, memorySink } from '@cola/data'
import { ColaError, serializeSafetensors } from '@cola/graph'
import { createStudent, loadStudent, parseDistilRnnConfig, randomDistilRnn } from '@cola/rnn'
import { ConfigError, loadClassifier, SessionError } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DistilledStudent, type DistillRow, distill, loadDistilled } from '../../src/index.ts'
import { kinds, rowsOf, tokenizer } from '../support/sentences.ts'

const rows = rowsOf(60, 1)
const texts = rows.slice(0, 5).map(({ text }) => text)
const student = { embedding_size: 6, hidden_size: 6 } as const
const quick = { student, tokenizer, epochs: 2, batch_size: 8, learning_rate: 2e-2, max_length: 6 } as const

/** Distils on labels of another kind. */
const distilOn = (names: readonly Label[]) => {
  const train: DistillRow[] = rows.map(({ text, label }) => ({ text, label: names[kinds.indexOf(label)] as Label }))
  return distill({ ...quick, train, validation: 0.2 })
}

/** The files that a student writes. */
async function filesOf(work: (sink: ReturnType<typeof memorySink>) => unknown): Promise<Record<string, Uint8Array>> {
  const sink = memorySink()
  await work(sink)
  return Object.fromEntries(sink.names().map((name) => [name, sink.read(name)]))
}

const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value))
const config = parseDistilRnnConfig({ ...student, vocab_size: tokenizer.vocabSize, num_labels: 3 })
const withoutEmbedding = serializeSafetensors(randomDistilRnn(config))

describe('a student', () => {
  let first: DistilledStudent
  let saved: Record<string, Uint8Array>
  beforeAll(async () => {
    first = await distilOn(kinds)
    saved = await filesOf((sink) => first.save(sink))
  })
  afterAll(() => first.release())

  it('that was saved answers as before, and cuts texts where it did', async () => {
    const warnings: string[] = []
    const again = await loadDistilled(saved, { batch_size: 2, onWarning: ({ message }) => warnings.push(message) })
    expect(again.labels).toEqual(kinds)
    expect(again.metrics).toEqual(first.metrics)
    expect(again.fingerprint()).toBe(first.fingerprint())
    expect(await again.logits(texts)).toBeAllclose(await first.logits(texts), { atol: 1e-6 })
    expect(warnings).toEqual(['5 of 5 texts were cut to 6 tokens'])
    const { metrics, loss } = await again.evaluate(rows)
    expect(metrics).toEqual((await first.evaluate(rows)).metrics)
    expect(loss).toBeCloseTo((await first.evaluate(rows)).loss, 5)
    expect(await filesOf((sink) => again.save(sink))).toEqual(saved)
    // An export beside it has a config.json of its own.
    const exported = await filesOf((sink) => again.export(sink))
    const beside = await loadDistilled({ ...saved, ...exported })
    expect(beside.labels).toEqual(kinds)
    expect(await beside.logits(texts)).toBeAllclose(await first.logits(texts), { atol: 1e-6 })
    await beside.release()
    await again.release()
    await expect(again.classify(texts)).rejects.toThrow(SessionError)
  })

  it.each<[method: 'classify' | 'logits' | 'evaluate' | 'save', fix: RegExp]>([
    ['classify', /classify, option top_k: no such option\. probabilities has/],
    ['logits', /logits, option top_k: no such option\. probabilities has/],
    ['evaluate', /evaluate, option top_k: no such option/],
    ['save', /save, option top_k: no such option/],
  ])('ignores no options of %s', async (method, fix) => {
    const call = (...more: unknown[]) =>
      Reflect.apply(first[method], null, [method === 'evaluate' ? rows : texts, ...more])
    await expect(call({ top_k: 2 })).rejects.toThrow(ConfigError)
    await expect(call({ top_k: 2 })).rejects.toThrow(fix)
    await expect(call('a pair')).rejects.toThrow(/a further argument: it takes none/)
  })

  it('is exported from there, and answers in the form of its export', async () => {
    const again = await loadDistilled(saved)
    const classifier = await loadClassifier(await filesOf((sink) => again.export(sink)))
    const [[answer], [expected]] = [await again.classify(texts), await classifier.classify(texts)]
    expect(answer).toMatchObject({ label: expected?.label, index: expected?.index, labels: expected?.labels })
    expect(Object.keys(answer ?? {}).sort()).toEqual(Object.keys(expected ?? {}).sort())
    expect(answer?.probabilities).toBeAllclose(expected?.probabilities ?? [], { atol: 1e-6 })
    await classifier.release()
    await again.release()
  })

  it.each([
    ['numbers', [10, 3, 1]],
    ['false and true', [false, true, false]],
  ] as const)('has the classes as its rows named them: %s', async (_, names) => {
    const one = await distilOn(names)
    const again = await loadDistilled(await filesOf((sink) => one.save(sink)))
    expect(again.labels).toEqual(one.labels)
    expect((await again.classify(texts)).map(({ label }) => label)).toEqual(
      (await one.classify(texts)).map(({ label }) => label),
    )
    await one.release()
    await again.release()
  })

  it('that saveStudent wrote, or an earlier version, has the classes of its configuration', async () => {
    const { 'distilled.json': _, ...older } = saved
    const named = await loadDistilled(older)
    expect(named.labels).toEqual(kinds)
    await named.release()
    const { id2label: __, ...unlabelled } = (await loadStudent(memoryFiles(saved))).config
    const unnamed = await loadDistilled({ ...older, 'config.json': json(unlabelled) })
    expect(unnamed.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2'])
    await unnamed.release()
  })

  it('that saveStudent wrote has the classes of the option labels, one that save wrote no others', async () => {
    const { 'distilled.json': _, ...older } = saved
    const labels = [7, 8, 9] as const
    const named = await loadDistilled(older, { labels })
    expect(named.labels).toEqual(labels)
    const [answer] = await named.classify(texts)
    expect(answer?.label).toBe(labels[answer?.index as 0])
    await named.release()
    await (await loadDistilled(saved, { labels: kinds })).release()
    const refused = (files: BytesByName, labels: readonly Label[]) => expect(loadDistilled(files, { labels })).rejects
    await refused(saved, [...kinds].reverse()).toThrow(
      /option labels: the student was trained with others, which distilled\.json has, .*Leave the option out/,
    )
    for (const bad of [kinds.slice(1), ['a', 'a', 'b'], []])
      await refused(older, bad).toThrow(/option labels: not one name a class, expected 3 different names/)
  })

  it('is scored by scores of one’s own', async () => {
    const again = await loadDistilled(saved, {
      compute_metrics: async (predictions, labels, { classes, target_names }) => ({
        right: predictions.filter((one, i) => one === labels[i]).length,
        classes: classes + target_names.length,
      }),
    })
    const { metrics } = await again.evaluate(rows)
    const { metrics: usual } = await first.evaluate(rows)
    expect(metrics).toEqual({ right: Math.round((usual.accuracy as number) * rows.length), classes: 6 })
    await again.release()
  })

  it('says that it was released, whatever it is asked for, before a folder is written', async () => {
    const again = await loadDistilled(saved)
    await again.release()
    const sink = memorySink()
    const calls = [
      ...[again.classify, again.logits].flatMap((call) => [() => call(texts), () => call([])]),
      ...[again.save, again.export].map((call) => () => call(sink)),
      () => again.evaluate([]),
      async () => again.fingerprint(),
    ]
    for (const call of calls) {
      const refusal = await (call() as Promise<unknown>).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(SessionError)
      expect(String(refusal)).toMatch(/student: it has been released. Release it last: loadDistilled opens what save/)
    }
    expect(sink.names()).toEqual([])
  })

  it('given as a model of @cola/rnn has its classes in its configuration too', async () => {
    const made = createStudent({ config, sentences: rows.map(({ text }) => tokenizer.encode(text)) })
    const one = await distill({ ...quick, student: made, train: rows })
    const files = await filesOf((sink) => one.save(sink))
    expect(JSON.parse(new TextDecoder().decode(files['config.json'])).id2label).toEqual({ ...kinds })
    await one.release()
  })

  it.each<[string, () => BytesByName, RegExp]>([
    [
      'an export',
      () => ({ 'model.onnx': new Uint8Array() }),
      /not the folder of a distilled student.*found model\.onnx\. .*loadClassifier of @cola\/train/,
    ],
    ['an adapter', () => ({ 'adapter_config.json': json({}) }), /loadFineTuned of @cola\/lora/],
    ['a model of one’s own', () => ({ ...saved, 'config.json': json({ id2label: {} }) }), /model_type.*distil-rnn/],
    ['weights that lack one', () => ({ ...saved, 'model.safetensors': withoutEmbedding }), /embedding\.weight/],
    [
      'other classes',
      () => ({ ...saved, 'distilled.json': json({ version: 1, labels: ['a'], max_length: 6 }) }),
      /field "labels".*an array of 3/,
    ],
    [
      'a length of nothing',
      () => ({ ...saved, 'distilled.json': json({ version: 1, labels: kinds, max_length: 0 }) }),
      /max_len/,
    ],
    ...[{ labels: ['a', 'a', 'b'] }, { metrics: { accuracy: '0.5' } }, { version: 2 }].map(
      (change): [string, () => BytesByName, RegExp] => {
        const settings = { version: 1, labels: kinds, max_length: 6, metrics: {}, ...change }
        const [name] = Object.keys(change)
        return [
          JSON.stringify(change),
          () => ({ ...saved, 'distilled.json': json(settings) }),
          RegExp(`distilled\\.json, field "${name}"`),
        ]
      },
    ),
    ['no object', () => ({ ...saved, 'distilled.json': json(null) }), /distilled\.json: not a valid value/],
  ])('is not opened from %s', async (_, files, message) => {
    const error = await loadDistilled(files()).catch((cause: unknown) => cause)
    expect(error).toBeInstanceOf(ColaError)
    expect(String(error)).toMatch(message)
  })
})
