// fineTune with task FEATURE_EXTRACTION on small models: every form of rows, saved, opened again and exported.

import { join } from 'node:path'
import { DataError, filesOf } from '@cola/data'
import { addInitializer, addInput, build, createGraph, float32 } from '@cola/graph'
import { defaultDevice, type Batch, type EpochLog, feedsOf, openSession, type OrtTensor } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Folder,
  folderAt,
  readText,
  reopening,
  temporaryFolders,
  writeText,
} from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  baseModelPrefix,
  ConfigError,
  type FineTuned,
  fineTune,
  loadFineTuned,
  openBase,
  openOnnxModel,
  type PairRow,
} from '../../src/index.ts'
import { retrievalScores } from '../../src/tasks/embedding-scores.ts'
import { rankingTargets } from '../../src/tasks/embedding-targets.ts'
import { poolingOf } from '../../src/tasks/pooling.ts'
import { exportFolder, exportNames } from '../support/export-folder.ts'

const out = temporaryFolders()
const embedded = folderAt(join(import.meta.dirname, '../../../../examples/model'))

const nouns = ['cat', 'dog', 'girl', 'boy', 'cats', 'girls']
const pairs: PairRow[] = nouns.flatMap((noun) => [
  { anchor: `the ${noun} sleep`, positive: `sleep ${noun}` },
  { anchor: `the ${noun} laugh`, positive: `laugh ${noun}` },
])
const triples = pairs.map((pair, i) => ({ ...pair, negative: (pairs[(i + 1) % pairs.length] as PairRow).positive }))
const similarities = pairs.map(({ anchor, positive }, i) => ({
  sentence1: anchor,
  sentence2: i % 2 ? positive : 'the laugh',
  score: i % 2 ? 1 : -0.5,
}))
const texts = ['the girls sleep', 'the cat sleeps', 'the dog laugh']
const task = 'FEATURE_EXTRACTION'
const quick = { task, epochs: 2, batch_size: 4, device: defaultDevice() } as const
type Tuned = FineTuned<'FEATURE_EXTRACTION'>

const numbers = async (tuned: Tuned): Promise<number[]> => (await tuned.embed(texts)).flatMap((one) => [...one])

/** The exported model on texts that are padded on the left or right. */
async function runExported(folder: Folder, side: 'left' | 'right'): Promise<Record<string, OrtTensor>> {
  const { model, tokenizer } = await openOnnxModel(folder)
  const rows = texts.map((text) => tokenizer.encodePlus(text).input_ids)
  const columns = Math.max(...rows.map(({ length }) => length)) + 1
  const padded = (of: (ids: readonly number[]) => number[]): Batch[string] => {
    const values = rows.flatMap((ids) => {
      const padding = new Array<number>(columns - ids.length).fill(0)
      return side === 'left' ? [...padding, ...of(ids)] : [...of(ids), ...padding]
    })
    return { data: BigInt64Array.from(values, BigInt), dims: [rows.length, columns] }
  }
  const batch = { input_ids: padded((ids) => [...ids]), attention_mask: padded((ids) => ids.map(() => 1)) }
  const session = await openSession({ graph: model.graph }, defaultDevice())
  const results = await session.run(feedsOf(model.graph, model.graph.inputs, batch).feeds)
  await session.release()
  return results as Record<string, OrtTensor>
}

describe('fineTune with GPT-2’s weights', () => {
  let tuned: Tuned
  const epochs: EpochLog[] = []
  beforeAll(async () => {
    tuned = await fineTune(embedded, {
      train: pairs,
      validation: pairs,
      ...quick,
      epochs: 40,
      learning_rate: 5e-3,
      callbacks: { onEpoch: (log) => epochs.push(log) },
    })
  })
  afterAll(() => tuned.release())

  it('learns to find what belongs to a text', () => {
    expect(tuned.settings).toEqual({ form: 'pairs', pooling: 'last', scale: 20 })
    expect(Object.keys(tuned.metrics)).toEqual(['accuracy_at_1', 'accuracy_at_10'])
    expect(epochs.at(-1)?.eval_loss).toBeLessThan((epochs[0] as EpochLog).eval_loss as number)
    expect(tuned.metrics.accuracy_at_1).toBeGreaterThan(0.5)
    expect(epochs[0]?.train_metrics).toEqual({})
  })

  it('embeds in vectors of length 1, each text alone as among others', async () => {
    const embeddings = await tuned.embed(texts)
    expect(embeddings.map(({ length }) => length)).toEqual(texts.map(() => tuned.width))
    for (const embedding of embeddings) expect(Math.hypot(...embedding)).toBeCloseTo(1, 5)
    for (const [i, text] of texts.entries())
      expect((await tuned.embed([text]))[0]).toBeAllclose(embeddings[i] as Float32Array, { atol: 1e-5 })
    expect(await tuned.embed([])).toEqual([])
  })

  it('compares texts', async () => {
    const [first, second, third] = (await tuned.embed(texts)) as [Float32Array, Float32Array, Float32Array]
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
    const similarity = await tuned.similarity(texts.slice(0, 1), texts)
    expect(similarity.length).toBe(1)
    expect(similarity[0]).toBeAllclose([1, dot(first, second), dot(first, third)], { atol: 1e-5 })
  })

  it('is the same from its folder, merged or not, and is scored', async () => {
    const expected = await numbers(tuned)
    await tuned.save(out('saved'))
    for (const merge of [false, true]) {
      const opened = await loadFineTuned(out('saved'), { ...reopening(embedded), task, merge, device: defaultDevice() })
      expect(await numbers(opened)).toBeAllclose(expected, { atol: 1e-5 })
      const { loss, metrics, predictions } = await opened.evaluate(pairs)
      expect(loss).toBeCloseTo((await tuned.evaluate(pairs)).loss, 4)
      expect(metrics).toEqual(tuned.metrics)
      expect(predictions.map(({ length }) => length)).toEqual(pairs.map(() => 2))
      await opened.release()
    }
    await expect(loadFineTuned(out('saved'))).rejects.toThrow(/another task.*FEATURE_EXTRACTION/)
  })

  it('is saved under the names of the bare model, without a head', async () => {
    await tuned.save(out('names'))
    const { config, head, tensors } = readAdapter(out('names'))
    expect([config.task_type, head]).toEqual([task, undefined])
    expect(
      [...tensors.keys()].filter((name) => !/^base_model\.model\.h\.\d\..*\.lora_[AB]\.weight$/.test(name)),
    ).toEqual([])
  })
})

describe('what fineTune takes', () => {
  it.each(exportNames)('%s, exported elsewhere', async (name) => {
    const tuned = await fineTune(exportFolder(out, name), { train: pairs, validation: 0.25, ...quick })
    const expected = await numbers(tuned)
    const { pooling } = tuned.settings
    const [saved, exported] = [out(`saved-${name}`), out(`exported-${name}`)]
    await tuned.save(saved)
    await tuned.export(exported)
    await tuned.release()
    const names = [...readAdapter(saved).tensors.keys()].map((key) => key.replace('base_model.model.', ''))
    const prefix = `${baseModelPrefix((await openBase(exportFolder(out, name))).config.model_type)}.`
    expect(names.filter((key) => key.startsWith(prefix))).toEqual([])
    const opened = await loadFineTuned(saved, {
      ...reopening(exportFolder(out, name)),
      task,
      device: defaultDevice(),
      merge: true,
    })
    expect(await numbers(opened)).toBeAllclose(expected, { atol: 1e-5 })
    await opened.release()
    const results = await runExported(exported, 'right')
    expect(results.sentence_embedding?.data as Float32Array).toBeAllclose(expected, { atol: 1e-5 })
    expect(results.last_hidden_state?.dims).toEqual([3, expect.any(Number), 8])
    // What was exported is a base again, read as it was trained.
    expect(poolingOf(await openBase(exported))).toBe(pooling)
  })

  it.each(['last', 'first', 'mean'] as const)('a packed model read at the %s token, exported', async (pooling) => {
    const tuned = await fineTune(embedded, { train: pairs, pooling, ...quick })
    const expected = await numbers(tuned)
    await tuned.export(out(pooling))
    await tuned.release()
    for (const side of ['left', 'right'] as const) {
      const results = await runExported(out(pooling), side)
      expect(results.sentence_embedding?.data as Float32Array).toBeAllclose(expected, { atol: 1e-5 })
      expect(results.last_hidden_state?.dims).toEqual([3, expect.any(Number), tuned.width])
    }
  })

  it('triples, whose negatives are looked through too', async () => {
    const tuned = await fineTune(embedded, { train: triples, validation: triples, ...quick, scale: 10 })
    expect(tuned.settings).toMatchObject({ form: 'triples', scale: 10 })
    expect(Object.keys(tuned.metrics)).toEqual(['accuracy_at_1', 'accuracy_at_10'])
    expect((await tuned.evaluate(triples)).predictions.map(({ length }) => length)).toEqual(triples.map(() => 3))
    await tuned.release()
  })

  it('several negatives of a row, all of which the loss has', async () => {
    const nouns = ['cat', 'dog', 'girl', 'boy'] as const
    const train = [0, 1].map((i) => ({
      anchor: `the ${nouns[i]} sleep`,
      positive: `sleep ${nouns[i]}`,
      negative_1: `laugh ${nouns[i]}`,
      negative_2: `the ${nouns[i + 2]} laugh`,
      id: i,
    }))
    const tuned = await fineTune(embedded, { train, ...quick })
    expect(tuned.settings.form).toBe('triples')
    const { loss, predictions } = await tuned.evaluate(train)
    expect(predictions.map(({ length }) => length)).toEqual([4, 4])
    const columns = ['anchor', 'positive', 'negative_1', 'negative_2'] as const
    const candidates = columns.slice(1).flatMap((name) => train.map((row) => row[name]))
    const cosines = await tuned.similarity(
      train.map(({ anchor }) => anchor),
      candidates,
    )
    // sentence-transformers' MultipleNegativesRankingLoss: cross-entropy of the positive among all candidates.
    const losses = cosines.map((row, i) => {
      const exponentials = row.map((cosine) => Math.exp(20 * cosine))
      return -Math.log((exponentials[i] as number) / exponentials.reduce((sum, one) => sum + one))
    })
    expect(loss).toBeCloseTo(((losses[0] as number) + (losses[1] as number)) / 2, 4)
    await tuned.release()
    const blank = { ...train[0], negative_2: '' } as (typeof train)[0]
    await expect(fineTune(embedded, { train: [...train, blank], ...quick })).rejects.toThrow(
      /train, row 3, field "negative_2": an empty text/,
    )
  })

  it('pairs with a similarity', async () => {
    const tuned = await fineTune(embedded, { train: similarities, validation: similarities, ...quick, epochs: 12 })
    expect(Object.keys(tuned.metrics)).toEqual(['spearman', 'pearson'])
    expect(tuned.metrics.pearson).toBeGreaterThan(0.5)
    const { loss, predictions } = await tuned.evaluate(similarities)
    const errors = predictions.map(([a = [], b = []], i) => {
      const cosine = a.reduce((sum, value, k) => sum + value * (b[k] as number), 0)
      return (cosine - (similarities[i] as { score: number }).score) ** 2
    })
    expect(loss).toBeCloseTo(errors.reduce((a, b) => a + b) / errors.length, 5)
    expect((await tuned.embed(texts)).length).toBe(3)
    await tuned.release()
  })

  it('the pooling of the base’s folder', async () => {
    const folder = exportFolder((name) => out(`pooled-${name}`), 'bert-bare-torchscript')
    const write = (config: object) => writeText(folder, '1_Pooling/config.json', JSON.stringify(config))
    const pooling = async () => poolingOf(await openBase(folder))
    write({ word_embedding_dimension: 8, pooling_mode_cls_token: true, pooling_mode_mean_tokens: false })
    expect(await pooling()).toBe('first')
    write({ embedding_dimension: 8, pooling_mode: 'lasttoken', include_prompt: true })
    expect(await pooling()).toBe('last')
    write({ pooling_mode: ['cls', 'mean'] })
    await expect(fineTune(folder, { train: pairs, ...quick })).rejects.toThrow(
      /1_Pooling.*"pooling_mode".*found cls, mean.*option pooling/,
    )
    write({ pooling_mode_max_tokens: true })
    await expect(fineTune(folder, { train: pairs, ...quick })).rejects.toThrow(ConfigError)
    const tuned = await fineTune(folder, { train: pairs, pooling: 'mean', ...quick })
    await tuned.release()
  })
})

describe('an exported folder', () => {
  it('says how sentence-transformers computes the same', async () => {
    const tuned = await fineTune(exportFolder(out, 'bert-bare-torchscript'), {
      train: pairs,
      pooling: 'first',
      ...quick,
    })
    const folder = out('hub')
    await tuned.export(folder, { layout: 'hub' })
    await tuned.release()
    const json = (name: string) => JSON.parse(readText(folder, name))
    expect(json('config.json')).toMatchObject({ model_type: 'bert', architectures: ['BertModel'] })
    expect(json('1_Pooling/config.json')).toEqual({
      word_embedding_dimension: 8,
      pooling_mode_cls_token: true,
      pooling_mode_mean_tokens: false,
      pooling_mode_lasttoken: false,
    })
    expect(json('modules.json').map(({ path }: { path: string }) => path)).toEqual(['', '1_Pooling', '2_Normalize'])
    expect(filesOf(folder).has('onnx/model.onnx')).toBe(true)
  })
})

describe('texts that are right for the same anchor', () => {
  const row = (...ids: number[]) => ({ input_ids: ids, sentences: ids.map((id) => ({ input_ids: [id] })) })
  it('are no negatives of each other', () => {
    // 1 has the positives 2 and 3; 4 has 2 as well, and the negative 5; 6 has the anchor 1 as its positive.
    const { anchors, candidates, relevance } = rankingTargets([row(1, 2), row(1, 3), row(4, 2, 5), row(6, 1)])
    expect([anchors?.data, candidates?.data]).toEqual([Int32Array.of(0, 2, 4, 7), Int32Array.of(1, 3, 5, 8, 6)])
    expect(relevance).toEqual({
      data: Int32Array.from(
        [
          [1, -1, -1, -1, 0],
          [-1, 1, -1, -1, 0],
          [-1, 0, 1, 0, 0],
          [0, 0, 0, 1, 0],
        ].flat(),
      ),
      dims: [4, 5],
    })
  })
  it('are all found, and stand once in what is looked through', () => {
    const examples = [row(1, 2), row(1, 3), row(4, 2)]
    const at: Record<number, number[]> = { 1: [1, 0], 2: [0.8, 0.6], 3: [0.6, 0.8], 4: [0, 1] }
    const predictions = examples.map(({ input_ids }) => input_ids.map((id) => at[id] as number[]))
    const { accuracy_at_1 } = retrievalScores(predictions, examples, { onWarning: () => undefined })
    // The nearest of 1 is 2, right for both of its rows; the nearest of 4 is 3, which is wrong.
    expect(accuracy_at_1).toBeCloseTo(2 / 3)
  })
})

describe('refuses, before anything is trained', () => {
  const bad = (rows: readonly object[], options: object = {}) =>
    fineTune(embedded, { train: rows as PairRow[], ...quick, ...options })
  const others = pairs.slice(0, 3)
  it.each([
    [[...others, { anchor: 'a', positive: '' }], /train, row 4, field "positive": an empty text/],
    [[...others, { anchor: ' ', positive: 'a' }], /train, row 4, field "anchor": an empty text/],
    [
      [...others, { anchor: 'a', positive: 7 }],
      /train, row 4, field "positive": not a text, expected a string, found 7/,
    ],
    [[...others, { anchor: 'a' }], /train, row 4: columns of no form.*anchor, positive; or .*found anchor/],
    [[...others, triples[0]], /train, row 4: a row of another form.*expected anchor, positive, found .*negative/],
    [[...others, similarities[0]], /train, row 4: a row of another form/],
    [[triples[0], pairs[0]], /train, row 2: a row of another form.*expected anchor, positive, negative/],
    [[{ text: 'a', label: 'b' }], /train, row 1: columns of no form.*sentence1, sentence2, score, found text, label/],
    [[{ query: 'a', answer: 'b' }], /row 1: columns of no form.*Rename query to anchor, and answer to positive\.$/],
    [[{ sentence1: 'a', sentence2: 'b', label: 1 }], /row 1: columns of no form.*Rename label to score\.$/],
    [[{ ...similarities[0], score: 4.5 }], /train, row 1, field "score": not a similarity.*divided by 5/],
    [[{ ...similarities[0], score: '0.5' as never }], /field "score": not a similarity.*Number\(row\.score\)/],
    [[{ ...similarities[0], score: Number.NaN }], /train, row 1, field "score": not a similarity/],
    [[{ ...similarities[0], score: '1' }], /train, row 1, field "score".*found "1"/],
    [[{ ...similarities[0], anchor: 'a' }], /train, row 1: columns of no form/],
    [[{ anchor: 'a', positives: 'b' }], /train, row 1: columns of no form.*Rename positives to positive\./],
    [[pairs[0]], /train: no negatives/],
  ])('rows %j', async (rows, message) => {
    await expect(bad(rows as object[])).rejects.toThrow(DataError)
    await expect(bad(rows as object[])).rejects.toThrow(message)
  })
  it('validation rows of another form', async () => {
    await expect(bad(pairs, { validation: similarities })).rejects.toThrow(/validation, row 1: a row of another form/)
  })
  it.each([
    [{ batch_size: 1 }, /option batch_size: no negatives/],
    [{ scale: 0 }, /option scale/],
    [{ pooling: 'max' }, /option pooling/],
    [{ labels: ['a'] }, /option labels: no such option/],
  ])('options %j', async (options, message) => {
    await expect(bad(pairs, options)).rejects.toThrow(ConfigError)
    await expect(bad(pairs, options)).rejects.toThrow(message)
  })
  it('a scale of cosines beside rows with a score', async () => {
    await expect(bad(similarities, { scale: 10 })).rejects.toThrow(ConfigError)
    await expect(bad(similarities, { scale: 10 })).rejects.toThrow(/option scale: it has no effect here.*a score/)
  })
  it('a base without hidden states', async () => {
    const opened = await openOnnxModel(exportFolder(out, 'bert-bare-torchscript'))
    const graph = createGraph('bag of words')
    const g = build(graph)
    const ids = g.Cast(addInput(graph, 'input_ids', 'int64', ['batch', 'sequence']), { to: 1 })
    const weight = addInitializer(graph, 'classifier.weight', float32([1, 2], [1, 2]))
    g.node('Gemm', [g.ReduceMean(ids, g.int64([1]), { keepdims: 1 }), weight], { outputs: ['logits'] })
    graph.outputs = ['logits']
    const base = { ...opened, model: { graph, trainable: new Set<string>() } }
    await expect(fineTune(base, { train: pairs, ...quick })).rejects.toThrow(ConfigError)
    await expect(fineTune(base, { train: pairs, ...quick })).rejects.toThrow(/no hidden states/)
  })
  it('to embed what is no text', async () => {
    const tuned = await fineTune(embedded, { train: pairs, ...quick, epochs: 1 })
    await expect(tuned.embed(['a', 7 as never])).rejects.toThrow(/texts, row 2, field "text": not a text/)
    expect((await tuned.embed(['a', ''])).map(({ length }) => length)).toEqual([tuned.width, tuned.width])
    await tuned.release()
    await expect(tuned.embed(['a'])).rejects.toThrow(/released/)
  })
})
