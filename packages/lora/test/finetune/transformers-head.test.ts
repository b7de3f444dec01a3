// Heads of transformers' classes at work: training goes on from them and begins with them, adapters are switched, what
// their layers need is found, and what does not fit is told.

import { memorySink } from '@cola/data'
import {
  decodeGraph,
  float32,
  inferModel,
  prune,
  serializeSafetensors,
  type Tensor,
  transposeTensor,
  writeModel,
} from '@cola/graph'
import { feedsOf, openSession, type OrtTensor } from '@cola/train'
import { describe, expect, it } from 'vitest'
import {
  AdapterError,
  adapterTensors,
  ConfigError,
  type FineTuned,
  fineTune,
  loadAdapter,
  loadFineTuned,
  openAdapter,
  openBase,
  switchable,
  transformersHead,
  withHead,
  writeAdapter,
} from '../../src/index.ts'
import { adapterOf, baseOf, type Bytes, expectedOf, input_ids, texts, values } from '../support/peft-heads.ts'

const classes = ['low', 'middle', 'high']
/** Twice, so that each class has several rows. */
const train = [...texts, ...texts].map((text, i) => ({ text, label: classes[i % 3] as string }))
const run = { train, labels: classes, epochs: 1, batch_size: 4, device: 'cpu' } as const
/** A rate at which a step changes nothing that is seen. */
const still = { ...run, learning_rate: 1e-12 }

const changedConfig = (files: Bytes, change: object): Bytes => {
  const name = 'adapter_config.json'
  const config = JSON.parse(new TextDecoder().decode(files[name]))
  return { ...files, [name]: new TextEncoder().encode(JSON.stringify({ ...config, ...change })) }
}
const changedTensors = async (files: Bytes, change: (tensors: Map<string, Tensor>) => void): Promise<Bytes> => {
  const { tensors } = await openAdapter(files)
  change(tensors)
  return { ...files, 'adapter_model.safetensors': serializeSafetensors(tensors) }
}

/** An adapter whose layers are those of another class. */
const renamed = (files: Bytes, from: string, to: string): Promise<Bytes> =>
  changedTensors(files, (tensors) => {
    for (const [name, tensor] of [...tensors]) {
      tensors.delete(name)
      tensors.set(name.replace(`.${from}.`, `.${to}.`), tensor)
    }
  })

/** BERT as a feature-extraction export has it: without its pooler, whose parameters are given beside it. */
function withoutPooler(): { base: Bytes; pooler: Map<string, Tensor> } {
  const base = baseOf('bert')
  const graph = inferModel(decodeGraph(base['model.onnx'] as Uint8Array))
  const whole = new Map(graph.initializers)
  graph.outputs = ['last_hidden_state']
  prune(graph)
  const pooler = new Map([...whole].filter(([name]) => name.startsWith('model.pooler.')))
  const named = [...pooler].map(([name, value]) => [name.replace('model.', ''), value] as const)
  return { base: { ...base, 'model.onnx': writeModel(graph) }, pooler: new Map(named) }
}

describe('fineTune and heads of transformers’', () => {
  it('goes on from PEFT’s adapter, all layers of the head among what is trained', async () => {
    const options = { ...still, adapter: adapterOf('roberta') }
    const same = await fineTune(baseOf('roberta'), options)
    expect(await same.logits(texts)).toBeAllclose(values(expectedOf('roberta').get('logits')), { atol: 1e-5 })
    expect(same.settings.head).toEqual(transformersHead({ model_type: 'roberta' }))
    await same.release()
    const tuned = await fineTune(baseOf('roberta'), { ...options, epochs: 4, learning_rate: 1e-2 })
    const [before, after] = [(await openAdapter(adapterOf('roberta'))).tensors, adapterTensors(await tuned.adapted())]
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort())
    for (const [name, tensor] of before) expect(values(after.get(name)), name).not.toEqual(values(tensor))
    const logits = await tuned.logits(texts)
    const saved = memorySink('saved')
    await tuned.save(saved)
    await tuned.release()
    const again = await loadFineTuned(saved, { base: baseOf('roberta') })
    expect(await again.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    await again.release()
    // What was saved here is gone on from in the same way.
    const further = await fineTune(baseOf('roberta'), { ...still, adapter: saved })
    expect(await further.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    await further.release()
  })

  it('gives each row of the head the class that the base names, whatever the order of the rows', async () => {
    const begin = async (kind: string, options: object) => {
      const warnings: string[] = []
      const onWarning = ({ message }: { message: string }) => {
        if (!/a single row|several labels/.test(message)) warnings.push(message)
      }
      const callbacks = { onWarning }
      const { labels: _, ...rest } = still
      const tuned = await fineTune(baseOf(kind), { ...rest, adapter: adapterOf(kind), callbacks, ...options })
      expect(await tuned.logits(texts)).toBeAllclose(values(expectedOf(kind).get('logits')), { atol: 1e-5 })
      await tuned.release()
      return { labels: tuned.labels, warnings }
    }
    expect(await begin('roberta', {})).toEqual({ labels: classes, warnings: [] })
    expect(await begin('mpnet', { labels: classes })).toEqual({ labels: classes, warnings: [] })
    // The order of a table's classes is not that of the head.
    expect(await begin('roberta', { labels: classes.toSorted() })).toEqual({
      labels: classes.toSorted(),
      warnings: [
        expect.stringMatching(/order of the option labels, "high", "low", "middle"; .* has "low", "middle", "h/),
      ],
    })
    for (const name of [(i: number) => i, (i: number) => String(i), (i: number) => `LABEL_${i}`]) {
      const rows = { train: train.map(({ text }, i) => ({ text, label: name(2 - (i % 3)) })) }
      expect(await begin('mpnet', rows)).toEqual({ labels: [name(0), name(1), name(2)], warnings: [] })
    }
  })

  it('asks for the classes where nothing names them', async () => {
    const { labels: _, ...rest } = still
    const refused = (kind: string, options: object) =>
      expect(fineTune(baseOf(kind), { ...rest, adapter: adapterOf(kind), ...options })).rejects
    await refused('mpnet', {}).toThrow(ConfigError)
    await refused('mpnet', {}).toThrow(
      /fineTune, option labels: missing: .*expected 3 names in the order of the rows, found "high", "low", "middle" in/s,
    )
    const others = { train: texts.map((text, i) => ({ text, label: 'abc'[i % 3] as string })) }
    await refused('roberta', others).toThrow(/the base's config\.json has "low", "middle", "high", found "a", "b", "c"/)
    const two = others.train.filter(({ label }) => label !== 'c')
    await refused('mpnet', { train: [...two, ...two] }).toThrow(/expected 3 names in the order of the rows, found "a"/)
    // A head that starts anew has the classes of the rows, and those that an option names.
    const anew: [object, string[]][] = [
      [{ pooling: 'mean' }, classes.toSorted()],
      [{ train: two, labels: ['a', 'b'] }, ['a', 'b']],
    ]
    for (const [options, labels] of anew) {
      const tuned = await fineTune(baseOf('mpnet'), { ...rest, adapter: adapterOf('mpnet'), ...options })
      expect(tuned.labels).toEqual(labels)
      await tuned.release()
    }
  })

  it('has the classes that the base names where the rows have some of them, and others beside', async () => {
    const begin = async (label: readonly string[]) => {
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      const { labels: _, ...rest } = still
      const rows = [...texts, ...texts].map((text, i) => ({ text, label: label[i % label.length] as string }))
      const tuned = await fineTune(baseOf('roberta'), {
        ...rest,
        train: rows,
        adapter: adapterOf('roberta'),
        callbacks,
      })
      const logits = await tuned.logits(texts)
      await tuned.release()
      const count = tuned.labels.length
      const known = logits.filter((_, i) => i % count < classes.length)
      expect(known).toBeAllclose(values(expectedOf('roberta').get('logits')), { atol: 1e-5 })
      return { labels: tuned.labels, warnings: warnings.join() }
    }
    const kept = expect.stringContaining("the adapter's classes are kept")
    expect(await begin(['high', 'low'])).toEqual({ labels: classes, warnings: kept })
    expect(await begin(['high', 'new'])).toEqual({ labels: [...classes, 'new'], warnings: kept })
  })

  it('goes on with the pooling that the adapter recorded', async () => {
    const first = await fineTune(baseOf('bert'), { ...run, pooling: 'first' })
    const [saved, logits] = [memorySink('saved'), await first.logits(texts)]
    await first.save(saved)
    await first.release()
    const second = await fineTune(baseOf('bert'), { ...still, adapter: saved })
    expect(second.settings.pooling).toBe('first')
    expect(await second.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    await second.release()
  })

  it('goes on with a pooler of the base, with LoRA on it', async () => {
    const two = { ...still, train: texts.map((text, i) => ({ text, label: i % 2 })), labels: [0, 1] }
    const tuned = await fineTune(baseOf('bert'), { ...two, adapter: adapterOf('bert') })
    expect(await tuned.logits(texts)).toBeAllclose(values(expectedOf('bert').get('logits')), { atol: 1e-5 })
    await tuned.release()
  })

  it('makes the logits of another class anew, and keeps the layers before', async () => {
    const warnings: string[] = []
    const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
    const labels = [...classes, 'none']
    const tuned = await fineTune(baseOf('roberta'), { ...still, labels, adapter: adapterOf('roberta'), callbacks })
    expect(warnings.join()).toContain(
      'the head "classifier.out_proj" keeps its rows for "low", "middle", "high", and starts anew for "none"',
    )
    const name = 'base_model.model.classifier.dense.weight'
    const after = adapterTensors(await tuned.adapted())
    expect(values(after.get(name))).toBeAllclose(values((await openAdapter(adapterOf('roberta'))).tensors.get(name)))
    await tuned.release()
    const linear = await fineTune(baseOf('roberta'), { ...still, pooling: 'mean', adapter: adapterOf('roberta') })
    expect(linear.settings).not.toHaveProperty('head')
    await linear.release()
  })

  const words = texts.map((text) => ({ words: text.split(' '), tags: text.split(' ').map((_, i) => 'OBI'[i % 3]) }))
  const tags = words.map(({ words, tags }) => ({ words, tags: tags.map((tag) => (tag === 'O' ? tag : `${tag}-X`)) }))
  const pairs = texts.map((anchor, i) => ({ anchor, positive: texts[(i + 1) % 4] }))
  const others = {
    'the tagging of tokens': { task: 'TOKEN_CLS', train: tags, labels: ['O', 'B-X', 'I-X'] },
    embeddings: { task: 'FEATURE_EXTRACTION', train: pairs, labels: undefined },
    'a linear head': { pooling: 'mean' },
  } as const
  describe.each(Object.entries(others))('goes on to %s without the head', (_, other) => {
    it.each(['roberta', 'distilbert', 'bert', 'albert', 'modernbert'])('of %s', async (kind) => {
      const warnings: string[] = []
      const callbacks = { onWarning: ({ message }: { message: string }) => warnings.push(message) }
      const tuned = await fineTune(baseOf(kind), { ...still, ...other, adapter: adapterOf(kind), callbacks } as never)
      expect(warnings).toContainEqual(
        expect.stringMatching(/^the head "classifier" starts anew|"classifier" is left out/),
      )
      const after = adapterTensors(await (tuned as FineTuned).adapted())
      await (tuned as FineTuned).release()
      const bare = (name: string) => name.replace(/^base_model\.model\.((distilbert|roberta|bert|albert|model)\.)?/, '')
      const names = new Map([...after].map(([name, tensor]) => [bare(name), tensor]))
      for (const [name, tensor] of (await openAdapter(adapterOf(kind))).tensors)
        if (name.includes('lora_') && !name.includes('pooler'))
          expect(values(names.get(bare(name))), name).toBeAllclose(values(tensor))
      expect([...names.keys()].filter((name) => /pooler|pre_classifier|head|dense\.weight/.test(name))).toEqual([])
    })
  })

  it('begins with one, under the names that PEFT has', async () => {
    const tuned = await fineTune(baseOf('electra'), { ...run, head: 'transformers', lora: { r: 2 } })
    const names = [...adapterTensors(await tuned.adapted()).keys()].filter((name) => name.includes('classifier'))
    const ofPeft = [...(await openAdapter(adapterOf('electra'))).tensors.keys()]
    expect(names).toEqual(ofPeft.filter((name) => name.includes('classifier')).sort())
    const saved = memorySink('saved')
    await tuned.save(saved)
    const logits = await tuned.logits(texts)
    await tuned.release()
    expect(new TextDecoder().decode(saved.read('README.md'))).not.toContain('transformers')
    const again = await loadFineTuned(saved, { base: baseOf('electra'), head: 'transformers' })
    expect(await again.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    await again.release()
  })

  it('is the one that PEFT reads, which the card of another says first', async () => {
    const tuned = await fineTune(baseOf('electra'), { ...run, lora: { r: 2 } })
    const saved = memorySink('saved')
    await tuned.save(saved)
    await tuned.release()
    const card = new TextDecoder().decode(saved.read('README.md'))
    expect(card).toMatch(/In PEFT its head does not fit\..*the mean of the last hidden states.*head: 'transformers'/)
    expect(card).not.toMatch(/PEFT's `PeftModel\.from_pretrained` loads this folder/)
  })

  it('refuses a layer that would stay random, a model without such a head, and a pooling beside it', async () => {
    const start = (files: Bytes, options = {}) => expect(fineTune(files, { ...run, head: 'transformers', ...options }))
    await start(withoutPooler().base).rejects.toThrow(/no weights of "bert.pooler.dense".*without the option head/s)
    const modern = /no weights of "head.dense", "head.norm".*modules_to_save \["head"\]/s
    await start(baseOf('modernbert')).rejects.toThrow(modern)
    await start(baseOf('roberta', { model_type: 'funnel' })).rejects.toThrow(/option head: .*linear layer.*funnel/s)
    await start(baseOf('roberta'), { pooling: 'mean' }).rejects.toThrow(/option pooling: .*has its own/s)
    await start(baseOf('roberta'), { head: 'linear' }).rejects.toThrow(ConfigError)
  })
})

describe('switchable', () => {
  it('has the layers of heads as inputs', async () => {
    const base = await openBase(baseOf('roberta'))
    const head = transformersHead(base.config)
    const model = withHead(base.hiddenStates(), { num_labels: 3, ...head } as never)
    const first = await openAdapter(adapterOf('roberta'))
    const second = { ...first, tensors: new Map(first.tensors) }
    for (const [name, tensor] of first.tensors)
      if (name.includes('classifier.dense'))
        second.tensors.set(name, { ...tensor, bytes: () => tensor.bytes().map(Number).fill(0) })
    const switched = switchable(model, { first, second })
    const session = await openSession({ graph: switched.graph }, 'cpu')
    const { batch } = base.batches(model.graph)(
      texts.map((text) => base.tokenizer.encode(text)).map((ids) => ({ input_ids: ids })),
    )
    const logitsOf = async (name: string) => {
      const { feeds } = feedsOf(switched.graph, switched.graph.inputs, { ...batch, ...switched.feeds(name) })
      return ((await session.run(feeds)).logits as OrtTensor).data as Float32Array
    }
    expect(await logitsOf('first')).toBeAllclose(values(expectedOf('roberta').get('logits')), { atol: 1e-5 })
    // tanh(0) leaves the bias.
    const bias = [...values(first.tensors.get('base_model.model.classifier.out_proj.bias'))]
    expect(await logitsOf('second')).toBeAllclose(
      texts.flatMap(() => bias),
      { atol: 1e-5 },
    )
    await session.release()
    expect(() => loadAdapter(base.hiddenStates(), first)).toThrow(
      /withHead\(model, \{ \.\.\.transformersHead\(config\)/,
    )
  })
})

describe('loadFineTuned and heads of transformers’', () => {
  it('takes BERT’s pooler from model.safetensors, under either name', async () => {
    const { base, pooler } = withoutPooler()
    const open = (files: Bytes) => loadFineTuned(adapterOf('bert'), { base: files })
    await expect(open(base)).rejects.toThrow(ConfigError)
    await expect(open(base)).rejects.toThrow(
      /no weights of "bert.pooler.dense".*pooler_output.*model\.safetensors beside the ONNX file.*with its pooler\.$/s,
    )
    for (const prefix of ['', 'bert.']) {
      const named = new Map([...pooler].map(([name, value]) => [prefix + name, value]))
      const tuned = await open({ ...base, 'model.safetensors': serializeSafetensors(named) })
      expect(await tuned.logits(texts)).toBeAllclose(values(expectedOf('bert').get('logits')), { atol: 1e-5 })
      await tuned.release()
    }
  })

  it('takes it from the shard of a checkpoint that has it', async () => {
    const { base, pooler } = withoutPooler()
    const shard = 'model-00002-of-00002.safetensors'
    const others = ['bert.embeddings.word_embeddings.weight', 'model-00001-of-00002.safetensors']
    const weight_map = Object.fromEntries([others, ...[...pooler.keys()].map((name) => [`bert.${name}`, shard])])
    const index = new TextEncoder().encode(JSON.stringify({ metadata: {}, weight_map }))
    const held = new Map([...pooler].map(([name, value]) => [`bert.${name}`, value]))
    const files = { ...base, 'model.safetensors.index.json': index, [shard]: serializeSafetensors(held) }
    const tuned = await loadFineTuned(adapterOf('bert'), { base: files })
    expect(await tuned.logits(texts)).toBeAllclose(values(expectedOf('bert').get('logits')), { atol: 1e-5 })
    await tuned.release()
    const { [shard]: _, ...lacking } = files
    await expect(loadFineTuned(adapterOf('bert'), { base: lacking })).rejects.toThrow(/model-00002.*no such file/)
  })

  it('reads a pooler whose matrix the ONNX file has the other way round', async () => {
    const base = baseOf('bert')
    const graph = decodeGraph(base['model.onnx'] as Uint8Array)
    const name = 'model.pooler.dense.weight'
    const matrix = transposeTensor(graph.initializers.get(name) as Tensor)
    graph.initializers.set(name, matrix)
    graph.nodes = graph.nodes.map((node) =>
      node.inputs[1] === name ? { ...node, attributes: { ...node.attributes, transB: 0 } } : node,
    )
    const turned = { ...base, 'model.onnx': writeModel(inferModel(graph)) }
    const tuned = await loadFineTuned(adapterOf('bert'), { base: turned })
    expect(await tuned.logits(texts)).toBeAllclose(values(expectedOf('bert').get('logits')), { atol: 1e-5 })
    await tuned.release()
  })

  it('refuses a pooler of model.safetensors in part, or of other shapes', async () => {
    const { base, pooler } = withoutPooler()
    const refused = (name: string, value?: Tensor) => {
      const others = [...pooler].filter(([known]) => known !== name)
      const tensors = new Map([...others, ...(value ? [[name, value] as const] : [])])
      const files = { ...base, 'model.safetensors': serializeSafetensors(tensors) }
      return expect(loadFineTuned(adapterOf('bert'), { base: files })).rejects
    }
    const of = (dims: number[]) => float32(dims, new Float32Array(dims.reduce((size, dim) => size * dim, 1)))
    await refused('pooler.dense.bias').toThrow(ConfigError)
    await refused('pooler.dense.bias').toThrow(/no "bert\.pooler\.dense\.bias", through which.*model\.safetensors/s)
    await refused('pooler.dense.bias', of([1])).toThrow(/"bert\.pooler\.dense\.bias".* expected \[16\], found \[1\]/s)
    await refused('pooler.dense.weight', of([24, 16])).toThrow(ConfigError)
    await refused('pooler.dense.weight', of([24, 16])).toThrow(/expected \[16, 16\], found \[24, 16\]/)
  })

  it.each([
    [{ id2label: ['a', 'b', 'c'], label2id: { a: 0, b: 1, c: 2, d: 3 } }, ['a', 'b', 'c']],
    [{ id2label: { 0: 'a', 1: 'b' }, label2id: { a: 2, b: 1, c: 0 } }, ['c', 'b', 'a']],
    [{ id2label: { 0: 'a', 1: 'a', 2: 'b' }, label2id: { a: 0, b: 1 } }, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
    [{ id2label: null, label2id: 'a' }, ['LABEL_0', 'LABEL_1', 'LABEL_2']],
  ])('names the rows by %j', async (config, labels) => {
    const tuned = await loadFineTuned(adapterOf('roberta'), { base: baseOf('roberta', config) })
    expect(tuned.labels).toEqual(labels)
    await tuned.release()
  })

  it('tags tokens through ModernBERT’s head', async () => {
    const expected = values(expectedOf('modernbert', 'adapter-tokens').get('logits'))
    const options = {
      task: 'TOKEN_CLS',
      base: baseOf('modernbert', { id2label: { 0: 'O', 1: 'B-X', 2: 'I-X' } }),
    } as const
    const tuned = await loadFineTuned(adapterOf('modernbert', 'adapter-tokens'), options)
    expect(tuned.labels).toEqual(['O', 'B-X', 'I-X'])
    const wanted = input_ids.map((ids, row) =>
      ids.flatMap((id, at) => {
        const logits = expected.subarray((row * ids.length + at) * 3, (row * ids.length + at + 1) * 3)
        return id > 3 ? [tuned.labels[logits.indexOf(Math.max(...logits))]] : []
      }),
    )
    const { predictions } = await tuned.evaluate(
      texts.map((text) => ({ words: text.split(' '), tags: text.split(' ').map(() => 'O') })),
    )
    expect(predictions.map(({ tags }) => tags)).toEqual(wanted)
    expect(new Set(wanted.flat()).size).toBeGreaterThan(1)
    await tuned.release()
  })

  it('opens what writeAdapter wrote, which says what its head is, without being asked', async () => {
    const tuned = await fineTune(baseOf('bert'), { ...run, pooling: 'mean' })
    const [written, logits] = [memorySink('written'), await tuned.logits(texts)]
    writeAdapter(written, await tuned.adapted())
    await tuned.release()
    const again = await loadFineTuned(written, { base: baseOf('bert') })
    expect(again.settings.pooling).toBe('mean')
    expect(await again.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    await again.release()
    const other = loadFineTuned(written, { base: baseOf('bert'), pooling: 'first' })
    await expect(other).rejects.toThrow(/option pooling: .*expected 'mean', found 'first'.*Leave it out\.$/s)
  })

  it('refuses a pooling beside the pooler of transformers’ class, with which the logits would be others', async () => {
    const refused = (kind: string, pooling: 'first' | 'mean', config = {}) =>
      expect(loadFineTuned(adapterOf(kind), { base: baseOf(kind, config), pooling })).rejects
    await refused('bert', 'first').toThrow(ConfigError)
    await refused('bert', 'first').toThrow(
      /option pooling: .*class for bert.*'first', through bert\.pooler\.dense, found 'first' alone/s,
    )
    await refused('albert', 'mean').toThrow(/through albert\.pooler, found 'mean'.*Leave it out/s)
    await refused('deberta-v2', 'mean').toThrow(/through pooler\.dense/)
    await refused('bert', 'mean', { classifier_activation: false }).toThrow(/expected 'first', found 'mean'/)
  })

  it('reads a linear head that was saved without its description, where head says so', async () => {
    const tuned = await fineTune(baseOf('bert'), { ...run, pooling: 'mean' })
    const [saved, logits] = [memorySink('saved'), await tuned.logits(texts)]
    await tuned.save(saved)
    await tuned.release()
    const names = ['adapter_config.json', 'adapter_model.safetensors']
    const bare = Object.fromEntries(names.map((name) => [name, saved.read(name)]))
    const head = { name: 'classifier', bias: true, pooling: 'mean', layers: [] } as const
    const again = await loadFineTuned(bare, { base: baseOf('bert'), head })
    expect(await again.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    const both = memorySink('both')
    await again.save(both)
    await again.release()
    const reopened = await loadFineTuned(both, { base: baseOf('bert') })
    expect(await reopened.logits(texts)).toBeAllclose(logits, { atol: 1e-5 })
    await reopened.release()
    const beside = loadFineTuned(bare, { base: baseOf('bert'), head, pooling: 'first' })
    await expect(beside).rejects.toThrow(/option pooling: a head with layers has its own, expected mean, found first/)
  })

  it('takes the pooling that the head has', async () => {
    const expected = await loadFineTuned(adapterOf('roberta'), { base: baseOf('roberta') })
    const named = await loadFineTuned(adapterOf('roberta'), { base: baseOf('roberta'), pooling: 'first' })
    expect(named.settings).toEqual(expected.settings)
    expect(await named.logits(texts)).toEqual(await expected.logits(texts))
    const saved = memorySink('saved')
    await named.save(saved)
    const head = transformersHead({ model_type: 'roberta' }) as NonNullable<ReturnType<typeof transformersHead>>
    for (const more of [{}, { head }]) {
      const again = await loadFineTuned(saved, { base: baseOf('roberta'), pooling: 'first', ...more })
      expect(again.settings).toEqual(expected.settings)
      await again.release()
    }
    await Promise.all([expected.release(), named.release()])
  })

  it('says what does not fit', async () => {
    const refused = (adapter: Bytes, base: Bytes, options = {}) =>
      expect(loadFineTuned(adapter, { base, ...options })).rejects
    const roberta = adapterOf('roberta')
    await refused(roberta, baseOf('roberta'), { pooling: 'mean' }).toThrow(/option pooling: .*classifier\.dense/s)
    await refused(roberta, baseOf('bert')).toThrow(/trained on another base.*roberta\.encoder.*bert\.encoder/s)
    await refused(roberta, baseOf('bert')).toThrow(AdapterError)
    const ofXlnet = await renamed(roberta, 'roberta', 'transformer')
    await refused(ofXlnet, baseOf('roberta', { model_type: 'xlnet' })).toThrow(
      /no head for this task.*a tensor classifier\.weight.*classifier\.dense/s,
    )
    await refused(await renamed(adapterOf('bert'), 'bert', 'roberta'), baseOf('roberta')).toThrow(
      /option pooling: missing.*roberta, classifier\.out_proj/s,
    )
    await refused(await renamed(adapterOf('bert'), 'bert', 'canine'), baseOf('bert', { model_type: 'canine' })).toThrow(
      /option pooling: missing: neither/,
    )
    await refused(roberta, baseOf('roberta', { problem_type: 'regression' })).toThrow(/regression of 3 numbers/)
    const given = (options: object, adapter = roberta, base = baseOf('roberta')) => refused(adapter, base, options)
    for (const labels of [['a', 'b'], ['a', 'b', 'c', 'd'], []]) {
      await given({ labels }).toThrow(ConfigError)
      await given({ labels }).toThrow(/loadFineTuned, option labels: .*expected 3 names, found/)
    }
    await given({ problem_type: 'regression' }).toThrow(/option problem_type: .*expected a head of one row, found 3/s)
    for (const problem_type of ['single_label_classification', 'multi_label_classification'])
      await given({ problem_type }, adapterOf('distilbert'), baseOf('distilbert')).toThrow(
        /loadFineTuned, option problem_type: .*expected 'regression'/,
      )
    for (const dims of [[], [16], [0, 16]]) {
      const flat = await changedTensors(roberta, (all) => {
        const size = dims.reduce((product, dim) => product * dim, 1)
        all.set('base_model.model.classifier.out_proj.weight', float32(dims, new Float32Array(size)))
      })
      await refused(flat, baseOf('roberta')).toThrow(AdapterError)
      await refused(flat, baseOf('roberta')).toThrow(/classifier\.out_proj\.weight": .*expected \[classes, width\]/)
    }
    await refused(ofXlnet, baseOf('roberta', { model_type: 'xlnet' })).not.toThrow(/class for xlnet has it/)
    const lacking = await changedTensors(adapterOf('distilbert'), (tensors) => {
      for (const name of tensors.keys()) if (name.includes('pre_classifier')) tensors.delete(name)
    })
    await refused(lacking, baseOf('distilbert')).toThrow(/"pre_classifier\.weight".*missing from the adapter.*random/s)
    await refused(lacking, baseOf('distilbert')).toThrow(AdapterError)
    const unsaved = await changedTensors(
      changedConfig(adapterOf('modernbert'), { modules_to_save: ['classifier'] }),
      (all) => {
        for (const name of all.keys()) if (name.includes('.head.')) all.delete(name)
      },
    )
    await refused(unsaved, baseOf('modernbert')).toThrow(/no weights of "head\.dense", "head\.norm".*modules_to_save/s)
  })
})
