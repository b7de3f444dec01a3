// Adapters as PEFT saves them, which name neither classes nor pooling, opened with loadFineTuned.

import { filesOf, type Files } from '@cola/data'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { serializeSafetensors } from '@cola/graph'
import { defaultDevice, FileError, loadClassifier } from '@cola/train'
import { beforeAll, describe, expect, it } from 'vitest'
import {
  copyFolder,
  type Folder,
  folderAt,
  readText,
  reopening,
  storeOf,
  temporaryFolders,
  writeText,
} from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { ConfigError, fineTune, loadFineTuned, openBase } from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'
import { embedded, rows, texts } from '../support/one-or-many.ts'

const tagger = join(import.meta.dirname, '../fixtures/token-classification')
const out = temporaryFolders()

let copies = 0

/** A copy of a saved folder without the files that PEFT does not write. */
function asPeft(
  folder: string | Files,
  change: (config: Record<string, unknown>) => Record<string, unknown> = (all) => all,
): Folder {
  const copy = out(`peft-${copies++}`)
  const others = ['fine_tuned.json', 'head_config.json']
  const names = filesOf(folder).names()
  copyFolder(
    folder,
    copy,
    names.filter((name) => !others.includes(name)),
  )
  writeText(copy, 'adapter_config.json', JSON.stringify(change(JSON.parse(readText(copy, 'adapter_config.json')))))
  return copy
}

/** Leaves the tensors of layers alone. */
function dropHead(folder: Folder) {
  const { tensors } = readAdapter(folder)
  const layers = [...tensors].filter(([name]) => name.includes('lora_'))
  storeOf(folder).write('adapter_model.safetensors', [serializeSafetensors(new Map(layers))])
}

const saved = out('saved')
let logits: Float32Array
beforeAll(async () => {
  const tuned = await fineTune(embedded, { train: rows, epochs: 4, learning_rate: 1e-2, device: defaultDevice() })
  logits = await tuned.logits(texts)
  await tuned.save(saved)
  await tuned.release()
})

/** Options with the base, where the adapter cannot name its folder. */
const named = (options: object): object => ({
  ...options,
  ...('base' in options && options.base ? {} : reopening(embedded)),
})

describe('loadFineTuned with an adapter of PEFT’s', () => {
  it.each([
    ['the base that it names', {}, ['LABEL_0', 'LABEL_1']],
    ['options that are not set', { labels: undefined, pooling: undefined, base: undefined }, ['LABEL_0', 'LABEL_1']],
    ['a base and classes that are given', { base: embedded, labels: ['many', 'one'] }, ['many', 'one']],
    ['a merged copy', { merge: true, labels: [false, true] }, [false, true]],
  ] as const)('classifies with %s', async (_, options, labels) => {
    const tuned = await loadFineTuned(asPeft(saved), named(options))
    expect(tuned.labels).toEqual(labels)
    expect(await tuned.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    const again = out(`again-${labels[0]}`)
    await tuned.save(again)
    await tuned.release()
    const reopened = await loadFineTuned(again, reopening(embedded))
    expect(reopened.labels).toEqual(labels)
    await reopened.release()
  })

  it('reads a head of one number as a regression, as transformers does', async () => {
    const train = rows.map(({ text }, i) => ({ text, label: i / 2 }))
    const amounts = await fineTune(embedded, { train, problem_type: 'regression', epochs: 1, device: defaultDevice() })
    const expected = await amounts.logits(texts)
    await amounts.save(out('amounts'))
    await amounts.release()
    const tuned = await loadFineTuned(asPeft(out('amounts')), reopening(embedded))
    expect([tuned.labels, tuned.settings.problem_type]).toEqual([[], 'regression'])
    expect(await tuned.logits(texts)).toBeAllclose(expected, { atol: 1e-5 })
    await tuned.release()
  })

  it('tags words with an adapter that PEFT wrote, as transformers does', async () => {
    const expected = JSON.parse(readFileSync(join(tagger, 'expected.json'), 'utf8')) as {
      tags: string[]
      rows: { words: string[] }[]
      labels: number[][]
      logits: number[][][]
    }
    const options = { task: 'TOKEN_CLS', base: folderAt(tagger) } as const
    const [named, unnamed] = [
      await loadFineTuned(folderAt(join(tagger, 'adapter')), { ...options, labels: expected.tags }),
      await loadFineTuned(folderAt(join(tagger, 'adapter')), options),
    ]
    expect(named.labels).toEqual(expected.tags)
    expect(unnamed.labels).toEqual(expected.tags.map((_, i) => `LABEL_${i}`))
    const words = expected.rows.map((row) => ({ words: row.words }))
    // transformers' logits at the first token of each word.
    const greatest = expected.logits.map((row, i) =>
      row
        .filter((_, at) => expected.labels[i]?.[at] !== -100)
        .map((values) => expected.tags[values.indexOf(Math.max(...values))]),
    )
    const inside = greatest.map((row, i) => words[i]?.words.filter((_, at) => row[at] !== 'O'))
    const found = await named.tag(words)
    expect(found.map((entities) => entities.flatMap(({ text }) => text.split(' ')))).toEqual(inside)
    expect(await unnamed.tag(words)).toHaveLength(words.length)
    await unnamed.save(out('tagger'))
    const again = await loadFineTuned(out('tagger'), options)
    expect(again.labels).toEqual(unnamed.labels)
    await again.release()
    await named.release()
    await unnamed.release()
  })

  it('generates and embeds', async () => {
    const writer = await fineTune(embedded, { task: 'CAUSAL_LM', train: texts.map((text) => ({ text })), epochs: 2 })
    const expected = await writer.generate('the girl', { max_new_tokens: 4 })
    await writer.save(out('writer'))
    await writer.release()
    const read = await loadFineTuned(asPeft(out('writer')), { ...reopening(embedded), task: 'CAUSAL_LM' })
    expect(await read.generate('the girl', { max_new_tokens: 4 })).toEqual(expected)
    await read.release()

    const pairs = [0, 2, 4].map((i) => ({ anchor: texts[i] as string, positive: texts[i + 1] as string }))
    const embedder = await fineTune(embedded, { task: 'FEATURE_EXTRACTION', train: pairs, epochs: 1, pooling: 'mean' })
    const vectors = await embedder.embed(texts)
    await embedder.save(out('embedder'))
    await embedder.release()
    const options = { ...reopening(embedded), task: 'FEATURE_EXTRACTION', pooling: 'mean' } as const
    const loaded = await loadFineTuned(asPeft(out('embedder')), options)
    expect((await loaded.embed(texts)).flatMap((one) => [...one])).toBeAllclose(
      vectors.flatMap((one) => [...one]),
      { atol: 1e-5 },
    )
    await loaded.release()
  })

  it('says what is missing, and what does not belong', async () => {
    const refused = (folder: Folder, options = {}) => expect(loadFineTuned(folder, named(options))).rejects
    await refused(asPeft(saved), { task: 'CAUSAL_LM' }).toThrow(/fine-tuned for another task.*CAUSAL_LM.*SEQ_CLS/s)
    await refused(asPeft(saved), { labels: ['a', 'b', 'c'] }).toThrow(/option labels: .*expected 2 names, found 3/)
    await refused(asPeft(saved), { label: ['a', 'b'] }).toThrow(/option label: no such option.*Did you mean labels/)
    const nameless = asPeft(saved, ({ base_model_name_or_path: _, ...rest }) => rest)
    await expect(loadFineTuned(nameless)).rejects.toThrow(/names no base model.*base/s)
    await refused(saved, { labels: ['a', 'b'] }).toThrow(/option labels: .*another one.*\["many","one"\]/)
    await (await loadFineTuned(saved, { ...reopening(embedded), labels: ['many', 'one'], pooling: 'last' })).release()
    const encoder = { task: 'SEQ_CLS', base: folderAt(tagger) }
    const headless = asPeft(folderAt(join(tagger, 'adapter')), (all) => ({ ...all, task_type: null }))
    await refused(headless, encoder).toThrow(/no weights of "bert.pooler.dense".*pooler_output.*model\.safetensors/s)
    await refused(headless, encoder).toThrow(ConfigError)
    const writer = asPeft(out('writer'), (all) => ({ ...all, task_type: null }))
    await refused(writer).toThrow(
      /no head for this task.*score\.weight.*names no task.*'CAUSAL_LM' for a language model/s,
    )
    await (await loadFineTuned(writer, { ...reopening(embedded), task: 'CAUSAL_LM' })).release()
    const lost = asPeft(out('writer'), (all) => ({ ...all, task_type: 'SEQ_CLS' }))
    await refused(lost).toThrow(/others\. A head that was not saved is lost.*: train with task_type 'SEQ_CLS'/s)
    const embedder = asPeft(folderAt(join(tagger, 'adapter')), (all) => ({ ...all, task_type: null }))
    dropHead(embedder)
    await refused(embedder, encoder).toThrow(/names no task; .*: task: 'FEATURE_EXTRACTION' for embeddings\./)
    const questions = asPeft(saved, (all) => ({ ...all, task_type: 'QUESTION_ANS' }))
    await refused(questions).toThrow(/found QUESTION_ANS\. QUESTION_ANS is none of the tasks here: loadAdapter/)
  })

  it('takes options that are undefined for none, and says where files of a base are', async () => {
    const options = { callbacks: undefined, epochs: undefined } as object
    await (await loadFineTuned(saved, named(options))).release()
    const base = exportFolder(out, 'bert-seq-dynamo')
    const below = out('above/onnx')
    copyFolder(base, below, ['model.onnx'])
    const open = (source: Folder) => expect(openBase(source)).rejects
    await open(below).toThrow(FileError)
    await expect(loadClassifier(below)).rejects.toThrow(/onnx\/config\.json: .*Give the folder above onnx/)
    await open(below).toThrow(/onnx\/config\.json: no such file, .*found model\.onnx\. Give the folder above/)
    await open(asPeft(saved)).toThrow(/no ONNX model.*This is an adapter: loadFineTuned\(adapter, \{ base \}\)/)
  })
})
