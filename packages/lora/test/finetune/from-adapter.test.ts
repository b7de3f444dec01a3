// Training that goes on from an adapter.

import { defaultDevice } from '@cola/train'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { softmax, type Source } from '@cola/data'
import { serializeSafetensors, type Tensor, toFloat32 } from '@cola/graph'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Folder, folderAt, temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import {
  adapterConfigJson,
  AdapterError,
  adapterTensors,
  type BaseModelSource,
  ConfigError,
  fineTune,
} from '../../src/index.ts'
import { exportFolder, exportNames } from '../support/export-folder.ts'
import { embeddedFiles } from '../support/embedded-files.ts'
import { embedded, rows, texts } from '../support/one-or-many.ts'

const exports = join(import.meta.dirname, '../fixtures/exports')
/** Models that other tools exported, with an adapter that PEFT wrote. */
const ofPeft = exportNames.filter((name) => existsSync(join(exports, name, 'adapter')))
/** Those that trained a part of transformers' model which the task's model has not. */
const lacking = new Map([['llama-qa-torchscript', 'qa_outputs']])
const out = temporaryFolders()

const run = { train: rows, epochs: 1, device: defaultDevice() } as const
/** A rate at which a step changes nothing that is seen. */
const still = { ...run, learning_rate: 1e-12 }
const first = out('first')

let probabilities: number[]
beforeAll(async () => {
  const tuned = await fineTune(embedded, { ...run, epochs: 8, learning_rate: 1e-2, lora: { r: 3, lora_alpha: 6 } })
  probabilities = (await tuned.classify(texts)).flatMap((one) => one.probabilities)
  await tuned.save(first)
  await tuned.release()
})

const near = (actual: readonly number[], expected: readonly number[]) =>
  actual.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 4)
  })

describe('fineTune with an adapter', () => {
  it('starts where it ended, with its configuration, and learns on', async () => {
    const tuned = await fineTune(embedded, { ...still, adapter: first })
    near(
      (await tuned.classify(texts)).flatMap((one) => one.probabilities),
      probabilities,
    )
    expect((await tuned.adapted()).config).toMatchObject({ r: 3, lora_alpha: 6, task_type: 'SEQ_CLS' })
    await tuned.release()

    const turned = rows.map(({ text, label }) => ({ text, label: label === 'one' ? 'many' : 'one' }))
    const again = await fineTune(embedded, {
      ...run,
      train: turned,
      labels: ['one', 'many'],
      epochs: 30,
      adapter: first,
    })
    expect((await again.classify(texts)).map(({ label }) => label)).toEqual(turned.map(({ label }) => label))
    await again.release()
  })

  const loraOf = (tensors: Map<string, Tensor>) => [...tensors].filter(([name]) => name.includes('lora_'))

  it.each([
    ['more classes', ['none', 'one', 'many'], ', and starts anew for "none"'],
    ['the classes in another order', ['one', 'many'], ''],
  ] as const)('keeps the rows of known classes for %s, and says so', async (_, labels, anew) => {
    const warnings: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
    const tuned = await fineTune(embedded, { ...still, labels, adapter: first, callbacks })
    expect(warnings).toContain(`the head "score" keeps its rows for "one", "many"${anew}`)
    // softmax([many, one]) is that of their two logits among others.
    const logits = await tuned.logits(texts)
    const at = ['many', 'one'].map((label) => (labels as readonly string[]).indexOf(label))
    const found = texts.flatMap((_, i) => softmax(at.map((j) => logits[i * labels.length + j] as number)))
    near(found, probabilities)
    await tuned.release()
  })

  it.each([['another pooling', { pooling: 'mean' }]] as const)(
    'makes a new head for %s, and says so',
    async (_, options) => {
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      const tuned = await fineTune(embedded, { ...still, ...options, adapter: first, callbacks })
      expect(warnings).toContain(
        'the head "score" starts anew for "many", "one": the adapter\'s reads texts otherwise; it has "many", "one"',
      )
      const after = adapterTensors(await tuned.adapted())
      for (const [name, before] of loraOf(readAdapter(first).tensors))
        near([...toFloat32(after.get(name) as Tensor)], [...toFloat32(before)])
      await tuned.release()
    },
  )

  /** The tensors and configuration alone, as PEFT writes them. */
  const asPeft = (folder: Folder) => {
    const { config, tensors } = readAdapter(folder)
    return {
      'adapter_config.json': new TextEncoder().encode(adapterConfigJson(config as never)),
      'adapter_model.safetensors': serializeSafetensors(tensors),
    }
  }

  it('goes on as a regression, as it was trained, unless labels or an option are of another type', async () => {
    const amounts = rows.map(({ text }, i) => ({ text, label: i }))
    const folder = out('amounts')
    const before = await fineTune(embedded, { ...run, train: amounts, problem_type: 'regression', epochs: 4 })
    const expected = await before.logits(texts)
    await before.save(folder)
    await before.release()
    const goOn = async (adapter: Source, options: object = {}) => {
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      const tuned = await fineTune(embedded, { ...still, train: amounts, callbacks, ...options, adapter })
      const { problem_type } = tuned.settings
      const logits = await tuned.logits(texts)
      await tuned.release()
      return { problem_type, logits, starts: warnings.filter((message) => message.includes('starts anew')).length }
    }
    for (const adapter of [folder, asPeft(folder)]) {
      const { logits, ...found } = await goOn(adapter)
      expect(found).toEqual({ problem_type: 'regression', starts: 0 })
      expect(logits).toBeAllclose(expected, { atol: 1e-4 })
      const named = { train: rows }
      const one = { problem_type: 'single_label_classification', labels: amounts.map(({ label }) => label) }
      for (const options of [named, one])
        expect(await goOn(adapter, options)).toMatchObject({ problem_type: 'single_label_classification', starts: 1 })
    }
  })

  describe('of classes', () => {
    const told = async (adapter: Source, options: object, base: BaseModelSource = embedded) => {
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      const tuned = await fineTune(base, { ...still, callbacks, ...options, adapter })
      const { labels, settings } = tuned
      await tuned.release()
      return { labels, problem_type: settings.problem_type, warnings }
    }
    const numbers = rows.map(({ text }, i) => ({ text, label: i % 2 }))

    it('has the checks of classes that nothing names', async () => {
      const many = Array.from({ length: 40 }, (_, i) => ({ text: `the girl laughs ${i}`, label: i / 7 }))
      const fix = /not a whole number.*problem_type: 'regression'/s
      await expect(fineTune(embedded, { ...still, train: many, adapter: first })).rejects.toThrow(fix)
      const ids = many.map(({ text }, i) => ({ text, label: `id${i}` }))
      await expect(fineTune(embedded, { ...still, train: ids, adapter: first })).rejects.toThrow(/class of its own/)
    })

    it('is no regression by its base, nor beside the option labels', async () => {
      const files = { ...embeddedFiles() }
      const config = JSON.parse(new TextDecoder().decode(files['config.json']))
      files['config.json'] = new TextEncoder().encode(JSON.stringify({ ...config, problem_type: 'regression' }))
      const single = { problem_type: 'single_label_classification', labels: [0, 1] }
      expect(await told(asPeft(first), { train: numbers }, files)).toEqual({ ...single, warnings: [] })
      const amounts = await told(out('amounts'), { train: numbers, labels: [0, 1] })
      expect(amounts).toMatchObject(single)
      expect(amounts.warnings.join()).toContain('starts anew')
    })

    it('keeps those of which there are no more rows', async () => {
      const folder = out('three')
      const three = rows.map(({ text }, i) => ({ text, label: i % 3 }))
      const before = await fineTune(embedded, { ...run, train: three, epochs: 4 })
      const expected = (await before.classify(texts)).flatMap((one) => one.probabilities)
      await before.save(folder)
      await before.release()
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      const train = three.filter(({ label }) => label !== 1)
      const tuned = await fineTune(embedded, { ...still, train, adapter: folder, callbacks })
      expect(tuned.labels).toEqual([0, 1, 2])
      expect(warnings).toEqual(["no training row is of 1: the adapter's classes are kept; name others with labels"])
      near(
        (await tuned.classify(texts)).flatMap((one) => one.probabilities),
        expected,
      )
      await tuned.release()
      const one = await told(folder, { train, labels: [0, 2] })
      expect(one.labels).toEqual([0, 2])
      expect(one.warnings.join()).toContain('keeps its rows for "0", "2"; it has no more "1"')
      const two = await told(folder, { train: [...three, { text: 'the cat', label: 3 }] })
      expect(two.labels).toEqual([0, 1, 2, 3])
      expect(two.warnings.join()).toContain('keeps its rows for "0", "1", "2", and starts anew for "3"')
      const other = rows.slice(0, 2).map(({ text }, i) => ({ text, label: i * 7 }))
      const shared = await told(folder, { train: [...other, ...other] })
      expect(shared.labels).toEqual([0, 1, 2, 7])
      expect(shared.warnings).toContain(
        "no training row is of 1, 2: the adapter's classes are kept; name others with labels",
      )
    })

    it('keeps those of several labels and of tags beside new ones', async () => {
      const several = (labels: readonly string[][]) =>
        labels.map((label, i) => ({ text: texts[i] as string, label, tags: undefined }))
      const tagged = (labels: readonly string[][]) =>
        labels.map(([label], i) => ({
          words: (texts[i] as string).split(' '),
          tags: ['O', `B-${label}`, 'O'].slice(0, (texts[i] as string).split(' ').length),
        }))
      const forms = [
        ['SEQ_CLS', several, ['a', 'b', 'c'], 'e'],
        ['TOKEN_CLS', tagged, ['O', 'B-a', 'B-b', 'B-c'], 'B-e'],
      ] as const
      for (const [task, rowsOf, before, added] of forms) {
        const options = { ...still, task, train: rowsOf([['a'], ['b'], ['c'], ['a'], ['b'], ['c']]) }
        const tuned = await fineTune(embedded, options as never)
        const folder = out(`several-${task}`)
        await tuned.save(folder)
        await tuned.release()
        const after = await told(folder, { task, train: rowsOf([['a'], ['e'], ['a'], ['e']]) })
        expect([...after.labels].sort()).toEqual([...before, added].sort())
        expect(after.labels.at(-1)).toBe(added)
        expect(after.warnings.join()).toContain("the adapter's classes are kept")
      }
    })

    it('has rows of one of them alone, and weighs those without rows', async () => {
      const train = rows.filter(({ label }) => label === 'one')
      const kept = `no training row is of "many": the adapter's classes are kept; name others with labels`
      const class_weight = { one: 1, many: 3 }
      for (const options of [{ train }, { train, class_weight }])
        expect(await told(first, options)).toMatchObject({ labels: ['many', 'one'], warnings: [kept] })
      const words = { words: ['the', 'girl'], tags: ['O', 'B-a'] }
      const tags = { task: 'TOKEN_CLS', train: [words, { ...words, tags: ['O', 'B-b'] }] }
      const tuned = await fineTune(embedded, { ...still, ...tags } as never)
      await tuned.save(out('tags'))
      await tuned.release()
      const weighed = { ...tags, train: [words, words], class_weight: { 'B-b': 2 } }
      expect((await told(out('tags'), weighed)).labels).toEqual(['O', 'B-a', 'B-b'])
      const other = train.map(({ text }) => ({ text, label: 'none' }))
      await expect(told(first, { train: other })).rejects.toThrow(/too few classes.*found "none"/)
      const unknown = { train, class_weight: { none: 2 } }
      await expect(told(first, unknown)).rejects.toThrow(/no class, expected "one", "many", found "none"/)
    })

    it('starts anew for others that are as many, of which the adapter says what they are not', async () => {
      const others = rows.map(({ text, label }) => ({ text, label: `${label}s` }))
      const { labels, warnings } = await told(first, { train: others })
      expect(labels).toEqual(['manys', 'ones'])
      expect(warnings).toEqual([
        'the head "score" starts anew for "manys", "ones": the adapter has none of these classes; it has "many", "one"',
      ])
    })

    it('tells that labels are of another type', async () => {
      const several = rows.map(({ text, label }) => ({ text, label: [label] }))
      const { problem_type, warnings } = await told(first, { train: several })
      expect(problem_type).toBe('multi_label_classification')
      expect(warnings).toEqual([
        'the head was trained with problem_type single_label_classification, and goes on with multi_label_classification',
      ])
    })
  })

  it('goes on with a head whose first values are in the file too', async () => {
    const { config, tensors } = readAdapter(first)
    const score = tensors.get('base_model.model.score.weight') as Tensor
    const original = ['base_model.model.score.original_module.weight', score] as const
    const source = {
      'adapter_config.json': new TextEncoder().encode(adapterConfigJson(config as never)),
      'adapter_model.safetensors': serializeSafetensors(new Map([...tensors, original])),
    }
    const warnings: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
    const tuned = await fineTune(embedded, { ...still, labels: ['many', 'one'], adapter: source, callbacks })
    expect(warnings).toEqual([])
    near(
      (await tuned.classify(texts)).flatMap((one) => one.probabilities),
      probabilities,
    )
    await tuned.release()
  })

  it('makes a head for an adapter of a language model', async () => {
    const language = await fineTune(embedded, { task: 'CAUSAL_LM', train: rows, epochs: 1, device: defaultDevice() })
    await language.save(out('language'))
    await language.release()
    const tuned = await fineTune(embedded, { ...run, epochs: 8, learning_rate: 1e-2, adapter: out('language') })
    expect((await tuned.classify(texts)).map(({ label }) => label)).toEqual(rows.map(({ label }) => label))
    await tuned.release()
  })

  /** A model that another tool exported, and PEFT's adapter for it. */
  const start = (name: string) => {
    const train = rows.map(({ label }, i) => ({ text: i % 2 ? 'the cat' : 'the dog sleeps', label }))
    const labels = ['many', 'one']
    return fineTune(exportFolder(out, name), {
      ...still,
      train,
      labels,
      adapter: folderAt(join(exports, name, 'adapter')),
    })
  }

  it.each(ofPeft.filter((name) => !lacking.has(name)))('starts with PEFT’s matrices for %s', async (name) => {
    const tuned = await start(name)
    const after = adapterTensors(await tuned.adapted())
    const before = loraOf(readAdapter(folderAt(join(exports, name, 'adapter'))).tensors)
    expect(before.length).toBeGreaterThan(0)
    // Of the bare model, which is a module of a classifier.
    const inClassifier = (file: string) => file.replace('base_model.model.encoder', 'base_model.model.bert.encoder')
    for (const [file, value] of before)
      near([...toFloat32(after.get(inClassifier(file)) as Tensor)], [...toFloat32(value)])
    await tuned.release()
  })

  it.each([...lacking])('refuses the adapter for %s, which has a %s', async (name, part) => {
    await expect(start(name)).rejects.toThrow(AdapterError)
    await expect(start(name)).rejects.toThrow(part)
  })

  const words = [
    { anchor: 'the cat', positive: 'cat' },
    { anchor: 'the dog', positive: 'dog sleeps' },
  ]
  const tasks = {
    SEQ_CLS: { train: ['a', 'b'].map((label) => ({ text: 'the cat', label })) },
    FEATURE_EXTRACTION: { task: 'FEATURE_EXTRACTION', train: words },
  } as const
  const lora = { r: 2, rank_pattern: { 'bert.encoder.layer.0.output.dense': 1 }, modules_to_save: ['LayerNorm'] }
  it.each([
    ['SEQ_CLS', 'FEATURE_EXTRACTION', { ...lora, target_modules: 'all-linear' }],
    ['SEQ_CLS', 'FEATURE_EXTRACTION', { r: 2, target_modules: String.raw`bert\.encoder\..*\.(query|value)` }],
    ['FEATURE_EXTRACTION', 'SEQ_CLS', { r: 2, rank_pattern: { 'output.dense': 1 }, target_modules: 'all-linear' }],
    ['FEATURE_EXTRACTION', 'SEQ_CLS', { r: 2, target_modules: String.raw`encoder\..*\.(query|value)` }],
  ] as const)('from %s to %s, it has the names of transformers’ class of the task', async (first, second, config) => {
    const folder = exportFolder(out, 'bert-mlm-dynamo')
    const start = async (name: string, options: object) => {
      const tuned = await fineTune(folder, { ...still, ...options } as typeof still)
      await tuned.save(out(name))
      await tuned.release()
      return readAdapter(out(name)).tensors
    }
    const before = await start('before', { ...tasks[first], lora: config })
    const after = await start('after', { ...tasks[second], adapter: out('before') })
    const [bare, whole] = first === 'SEQ_CLS' ? [after, before] : [before, after]
    const ofBase = [...whole.keys()].filter((name) => !name.includes('.classifier.'))
    expect(ofBase.every((name) => name.startsWith('base_model.model.bert.'))).toBe(true)
    expect([...bare.keys()]).toEqual(ofBase.map((name) => name.replace('bert.', '')))
    for (const name of ofBase) {
      const [one, other] = [whole.get(name), bare.get(name.replace('bert.', ''))]
      near([...toFloat32(one as Tensor)], [...toFloat32(other as Tensor)])
    }
  })

  it('leaves out a head that the model has no place for', async () => {
    const warnings: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
    const options = {
      task: 'CAUSAL_LM',
      train: rows,
      epochs: 1,
      device: defaultDevice(),
      learning_rate: 1e-12,
    } as const
    const tuned = await fineTune(embedded, { ...options, adapter: first, callbacks })
    expect(warnings).toContain('the adapter\'s head "score" is left out: the model has none')
    const after = adapterTensors(await tuned.adapted())
    expect([...after.keys()]).toEqual(loraOf(readAdapter(first).tensors).map(([name]) => name))
    await tuned.release()
  })

  it('refuses a configuration beside it, an adapter of another model, and what is no source', async () => {
    const start = (options: object) => fineTune(embedded, { ...run, ...options })
    await expect(start({ adapter: first, lora: { r: 4 } })).rejects.toThrow(
      /option lora: the adapter that training goes on from has a configuration of its own/,
    )
    await expect(start({ adapter: null })).rejects.toThrow(ConfigError)
    await expect(start({ adapter: out('nowhere') })).rejects.toThrow(/nowhere/)
    const files = readAdapter(first)
    const tensors = new Map([...files.tensors].map(([name, tensor]) => [name.replace('c_attn', 'other'), tensor]))
    const foreign = {
      'adapter_config.json': new TextEncoder().encode(adapterConfigJson(files.config as never)),
      'adapter_model.safetensors': serializeSafetensors(tensors),
    }
    await expect(start({ adapter: foreign })).rejects.toThrow(AdapterError)
  })
})
