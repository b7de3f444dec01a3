// Classifiers that other tools wrote, run as they are; make-classifiers.py made them and their logits.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { UnsupportedOperatorError, addInput, build, createGraph, readModel, type Graph, writeModel } from '@cola/graph'
import { type Files, hasFiles, memoryFiles } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { type Folder, storeOf, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { ConfigError, FileError, loadClassifier, SessionError, writeClassifier } from '../../src/index.ts'
import { readerOfLogits } from '../../src/classify/problem-type.ts'
import { counting } from '../support/counting.ts'

const root = temporaryFolders()
const fixtures = join(import.meta.dirname, '../fixtures/classifiers')

const { tokenizer } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../data/test/fixtures/truncation.json'), 'utf8'),
).bert

const { expected } = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8')) as {
  expected: Record<string, number[]>
}

/** The texts of the ids that the script fed. */
const texts = ['a b c', 'd e', 'f']

const three = { id2label: { 0: 'no', 1: 'maybe', 2: 'yes' } }

function folderOf(name: string, files: Record<string, string | Uint8Array>, config: object = three): Folder {
  const folder = root(name)
  const all = {
    'config.json': JSON.stringify(config),
    'tokenizer.json': JSON.stringify(tokenizer),
    'tokenizer_config.json': '{}',
  }
  for (const [path, content] of Object.entries({ ...all, ...files })) {
    if (typeof content === 'string') writeText(folder, path, content)
    else storeOf(folder).write(path, [content])
  }
  return folder
}

const fixture = (name: string) => new Uint8Array(readFileSync(join(fixtures, name)))

/** Logits [batch, sequence] where a file says nothing of classes: the ids themselves. */
function sums(input: (graph: Graph) => ReturnType<typeof addInput>): Graph {
  const graph = createGraph('sums')
  build(graph).node('Cast', [input(graph)], { attributes: { to: 1 }, outputs: ['logits'] })
  graph.outputs = ['logits']
  return graph
}

describe('a classifier of another tool', () => {
  it.each(Object.keys(expected))('%s has the runtime’s logits', async (name) => {
    const folder = folderOf(name, {
      'onnx/model_quantized.onnx': fixture(`${name}.onnx`),
      'onnx/external.bin': fixture('external.bin'),
    })
    const classifier = await loadClassifier(folder, { batch_size: 2 })
    // Rows of a dynamically quantized batch share a scale: the same rows must be together.
    const whole = name === 'dynamic' || name === 'nbits' ? await loadClassifier(folder) : classifier
    expect(await whole.logits(texts)).toBeAllclose(Float32Array.from(expected[name] as number[]), {
      atol: name === 'float16' ? 1e-2 : 1e-4,
    })
    expect((await classifier.classify(['a b c']))[0]?.label).toBe('yes')
    await expect(Reflect.apply(classifier.classify, null, [texts, { top_k: 2 }])).rejects.toThrow(
      /^classify, option top_k: no such option\. probabilities has that of each class/,
    )
    await expect(Reflect.apply(classifier.logits, null, [texts, texts])).rejects.toThrow(
      /^logits, a further argument: .*Pairs are objects/,
    )
    await expect(classifier.classify('a b c' as never)).rejects.toThrow(/^texts: not an array, .*"a b c"/)
    for (const one of new Set([classifier, whole])) await one.release()
  })

  it('says that it was released, whatever it is asked for', async () => {
    const released = await loadClassifier(folderOf('released', { 'model.onnx': fixture('dynamic.onnx') }))
    await released.release()
    const { classify, logits, fingerprint } = released
    for (const call of [() => classify(texts), () => classify([]), () => logits([]), async () => fingerprint()]) {
      const refusal = await (call() as Promise<unknown>).catch((error: unknown) => error)
      expect(refusal).toBeInstanceOf(SessionError)
      expect(String(refusal)).toMatch(/classifier: it has been released. Open it again with loadClassifier/)
    }
  })

  it.each(['dynamic', 'qdq', 'qoperator'])('%s is read for training, with numbers in place of codes', async (name) => {
    const graph = readModel(fixture(`${name}.onnx`))
    const classifier = await loadClassifier(folderOf(`read-${name}`, { 'model.onnx': writeModel(graph) }))
    // The file rounds activations, and the graph does not: a hundredth of the greatest logit.
    expect(await classifier.logits(texts)).toBeAllclose(Float32Array.from(expected[name] as number[]), { atol: 0.33 })
    await classifier.release()
  })

  it('is refused for training where it was fused for inference, naming the operator', () => {
    const graph = sums((g) => addInput(g, 'input_ids', 'int64', ['batch', 'sequence']))
    const [node] = graph.nodes as [Graph['nodes'][number]]
    graph.nodes = [{ ...node, domain: 'com.microsoft', opType: 'QLinearGlobalAveragePool', attributes: {} }]
    const read = () => readModel(writeModel(graph))
    expect(read).toThrow(UnsupportedOperatorError)
    expect(read).toThrow(/QLinearGlobalAveragePool .*quantized or fused for inference.*loadClassifier/)
  })

  it('has another fingerprint with other external data', async () => {
    const [model, bytes] = [{ 'model.onnx': fixture('external.onnx') }, fixture('external.bin')]
    const folder = folderOf('changed', { ...model, 'external.bin': bytes })
    const classifier = await loadClassifier(folder)
    const before = classifier.fingerprint()
    bytes[7] = (bytes[7] as number) ^ 1
    storeOf(folder).write('external.bin', [bytes])
    expect(classifier.fingerprint()).not.toBe(before)
    await classifier.release()
    await expect(loadClassifier(folderOf('without', model))).rejects.toThrow(FileError)
  })

  it.runIf(hasFiles() && process.env.VK_ICD_FILENAMES)(
    'is rewritten for WebGPU, and its weights are read once',
    async () => {
      const bytes = memoryFiles({
        'config.json': new TextEncoder().encode(JSON.stringify(three)),
        'tokenizer.json': new TextEncoder().encode(JSON.stringify(tokenizer)),
        'tokenizer_config.json': new TextEncoder().encode('{}'),
        'model.onnx': fixture('external.onnx'),
        'external.bin': fixture('external.bin'),
      })
      let count = 0
      const read: Files['read'] = (name, begin, end) => {
        const part = bytes.read(name, begin, end)
        count += name === 'external.bin' ? part.length : 0
        return part
      }
      const classifier = await loadClassifier({ ...bytes, read }, { device: 'webgpu' })
      expect(count).toBeLessThanOrEqual(bytes.size('external.bin'))
      expect(count).toBeGreaterThan(0)
      expect(await classifier.logits(texts)).toBeAllclose(Float32Array.from(expected.external as number[]), {
        atol: 1e-4,
      })
      await classifier.release()
    },
  )

  it('has transformers’ names for classes without names', async () => {
    const classifier = await loadClassifier(folderOf('unnamed', { 'model.onnx': fixture('plain.onnx') }, {}))
    expect(classifier.labels).toEqual(['LABEL_0', 'LABEL_1', 'LABEL_2'])
    await classifier.release()
  })
})

describe('logits', () => {
  const classified = async (name: string, config: object) => {
    const classifier = await loadClassifier(folderOf(name, { 'model.onnx': fixture('plain.onnx') }, config))
    const [answers, logits] = [await classifier.classify(texts), expected.plain as number[]]
    await classifier.release()
    return answers.map((answer, i) => ({ ...answer, logits: logits.slice(3 * i, 3 * i + 3) }))
  }

  // transformers' text-classification pipeline: softmax, sigmoid, or nothing, by config.problem_type.
  it('of one class are read by softmax', async () => {
    for (const config of [three, { ...three, problem_type: 'single_label_classification' }])
      for (const { label, labels, probabilities, logits } of await classified('one', config)) {
        const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0)
        expect(probabilities).toBeAllclose(
          logits.map((logit) => Math.exp(logit) / sum),
          { atol: 1e-5 },
        )
        expect(labels).toEqual([label])
      }
  })

  it('of several labels have a probability each, of which all from one half on are labels', async () => {
    const config = { ...three, problem_type: 'multi_label_classification' }
    for (const { labels, index, label, probabilities, logits } of await classified('labels', config)) {
      expect(probabilities).toBeAllclose(
        logits.map((logit) => 1 / (1 + Math.exp(-logit))),
        { atol: 1e-5 },
      )
      expect(labels).toEqual(['no', 'maybe', 'yes'].filter((_, i) => (logits[i] as number) >= 0))
      expect([index, label]).toEqual([logits.indexOf(Math.max(...logits)), ['no', 'maybe', 'yes'][index]])
    }
  })

  it('are the number, for regression; of one class alone they are its probability', async () => {
    for (const { value, score, labels, probabilities, logits } of await classified('number', {
      ...three,
      problem_type: 'regression',
    })) {
      expect(value).toBeCloseTo(logits[0] as number, 5)
      expect([labels, probabilities, score]).toEqual([[], [], value])
    }
    expect(readerOfLogits({}, 1, 'config.json')([0.5], ['LABEL_0'])).toEqual({
      label: 'LABEL_0',
      index: 0,
      score: 1 / (1 + Math.exp(-0.5)),
      labels: ['LABEL_0'],
      probabilities: [1 / (1 + Math.exp(-0.5))],
    })
  })

  it('of a problem that is not known are refused', async () => {
    await expect(classified('problem', { ...three, problem_type: 'ranking' })).rejects.toThrow(
      /config\.json, field "problem_type": not a valid value, expected "single_label_classification".*found "ranking"/,
    )
  })
})

describe('a model that is not a text classifier', () => {
  it.each([
    [
      'two names for three classes',
      { id2label: { 0: 'no', 1: 'yes' } },
      /"id2label": not one name per class, expected 3 names.*found 2/,
    ],
    ['a name too far', { id2label: { 1: 'a', 2: 'b', 3: 'c' } }, /"id2label": not one name per class/],
  ])('%s', async (name, config, message) => {
    await expect(loadClassifier(folderOf(name, { 'model.onnx': fixture('plain.onnx') }, config))).rejects.toThrow(
      message,
    )
  })

  it('a configuration of another model', async () => {
    const bert = join(import.meta.dirname, '../../../lora/test/fixtures/exports/bert-seq-torchscript/model.onnx')
    const folder = (name: string, fields: object) =>
      folderOf(name, { 'model.onnx': readFileSync(bert) }, { ...three, model_type: 'bert', ...fields })
    await expect(loadClassifier(folder('type', { model_type: 'gpt2' }))).rejects.toThrow(
      /model\.onnx, "bert\..*its kind of layers is not that of config\.json \(model_type\), expected gpt2, found bert/,
    )
    await expect(loadClassifier(folder('words', { vocab_size: 30 }))).rejects.toThrow(
      /vocabulary.*expected 30, found 24/,
    )
    await expect(loadClassifier(folder('layers', { num_hidden_layers: 6 }))).rejects.toThrow(
      /number of layers is not that of config\.json \(num_hidden_layers\), expected 6, found 1/,
    )
    const own = { vocab_size: 24, num_hidden_layers: 1, hidden_size: 8, num_attention_heads: 2 }
    await (await loadClassifier(folder('own', own))).release()
  })

  it('labels are counted at the first run if the file has no number of classes', async () => {
    const classifier = await loadClassifier(
      folderOf('symbolic', {
        'model.onnx': writeModel(sums((graph) => addInput(graph, 'input_ids', 'int64', ['batch', 'sequence']))),
      }),
    )
    await expect(classifier.logits(texts)).rejects.toThrow(/not one name per class, expected 4 names/)
    await classifier.release()
  })

  it('a model with a cache, or without logits, is refused when it is loaded', async () => {
    const cached = sums((graph) => {
      addInput(graph, 'past_key_values.0.key', 'float32', ['batch', 2, 'past', 4])
      return addInput(graph, 'input_ids', 'int64', ['batch', 'sequence'])
    })
    await expect(loadClassifier(folderOf('cached', { 'model.onnx': writeModel(cached) }))).rejects.toThrow(
      /that are not computed from text.*past_key_values\.0\.key/,
    )
    const two = sums((graph) => addInput(graph, 'input_ids', 'int64', ['batch', 'sequence']))
    two.outputs = ['start', 'end'].map(
      (name) =>
        build(two).node('Identity', [two.values.get('logits') as never], { outputs: [name] })[0]?.name as string,
    )
    await expect(loadClassifier(folderOf('two', { 'model.onnx': writeModel(two) }))).rejects.toThrow(
      /several outputs could be the logits.*start \[batch/,
    )
    await expect(loadClassifier(folderOf('none', {}))).rejects.toThrow(ConfigError)
    const adapter = memoryFiles({ 'adapter_config.json': new TextEncoder().encode('{}') })
    await expect(loadClassifier(adapter)).rejects.toThrow(/an adapter without its base model.*loadFineTuned of @cola/)
    await expect(loadClassifier(folderOf('none', {}), { file: 'onnx/m.onnx' })).rejects.toThrow(
      /no ONNX model, expected onnx\/m\.onnx/,
    )
    const below = folderOf('below', { 'onnx/model.onnx': new Uint8Array(1) })
    await expect(loadClassifier(below, { file: 'model.onnx' })).rejects.toThrow(/Did you mean onnx\/model\.onnx\?/)
  })
})

const references = JSON.parse(
  readFileSync(join(import.meta.dirname, '../../../data/test/fixtures/truncation.json'), 'utf8'),
)

function classifierFolder(
  name: string,
  { vocabulary = 16, config = {} }: { vocabulary?: number; config?: object } = {},
): Folder {
  const [folder, tokenizerFolder] = [root(name), root(`${name}-tokenizer`)]
  writeText(tokenizerFolder, 'tokenizer.json', JSON.stringify(references.bert.tokenizer))
  writeText(tokenizerFolder, 'tokenizer_config.json', '{}')
  writeClassifier({
    folder,
    graph: counting(vocabulary),
    config: config as Record<string, unknown>,
    tokenizerFolder,
    labels: ['a', 'b', 'c'],
  })
  return folder
}

describe('a classifier', () => {
  it('truncates texts like the tokenizers library, reports how many, and takes pairs', async () => {
    // RoBERTa's positions: 8 hold 6 tokens.
    const config = { model_type: 'roberta', max_position_embeddings: 8, pad_token_id: 1 }
    const warnings: string[] = []
    const classifier = await loadClassifier(classifierFolder('roberta', { config }), {
      batch_size: 2,
      onWarning: ({ message }) => warnings.push(message),
    })
    expect(classifier.max_length).toBe(6)
    const texts = ['a b c d e f', 'a', { text: 'a b c', text_pair: 'd e f g h' }]
    const rows = [
      [0, 4, 5, 6, 7, 1],
      [0, 4, 1],
      references.bert.texts[1][2]['6 right longest_first'].split(' | ')[0].split(' ').map(Number),
    ]
    expect(rows[2]).toEqual([0, 4, 1, 7, 8, 1])
    expect([...(await classifier.logits(texts))]).toEqual(
      rows.flatMap((ids, i) => [ids.reduce((a: number, b: number) => a + b), ids.length, i === 2 ? 3 : 0]),
    )
    expect(warnings).toEqual(['2 of 3 texts were cut to 6 tokens'])
    await classifier.release()
  })
  it('refuses a token id without a row in the table, naming the text', async () => {
    const classifier = await loadClassifier(classifierFolder('small', { vocabulary: 6 }))
    await expect(classifier.classify(['a b', 'a c'])).rejects.toThrow(
      /row 2, "a c": a token id without a row.*expected 0 to 5, found 6/,
    )
    await classifier.release()
  })
})
