// Every public function that takes options refuses a name that it does not have, a value that is none, and a number out
// of its range, before it does anything. docs/options.mjs finds the functions in the types; one without a row here
// fails, and so does a row without a function.

import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import * as data from '@cola/data'
import * as distill from '@cola/distill'
import * as graph from '@cola/graph'
import * as lora from '@cola/lora'
import * as rnn from '@cola/rnn'
import * as train from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { root } from './root.ts'
import { smallGpt2 } from './small-models.ts'
import { tinyEncoder } from './tiny-encoder.ts'

const found: Record<string, Record<string, { isNumber: boolean }>> = JSON.parse(
  execFileSync(process.execPath, [join(root, 'docs/options.mjs')], { encoding: 'utf8' }),
)

/** Calls a function with options, and with nothing else that it could work on: what it refuses are the options. */
type Call = (options: never) => unknown

interface Opened {
  tokenizer: data.Tokenizer
  session: train.TrainingSession
  switchable: lora.SwitchableModel
  generator: lora.Generator
  tuned: lora.FineTuned<'CAUSAL_LM'>
  student: distill.DistilledStudent
}
let opened: Opened
const nothing = undefined as never

const calls: Record<string, Call> = {
  'graph differentiate(options)': (options) => graph.differentiate(nothing, options),
  'graph readOutline(options)': (options) => graph.readOutline(nothing, options),
  'graph decodeGraph(options)': (options) => graph.decodeGraph(nothing, options),
  'graph layoutExternal(options)': (options) => graph.layoutExternal(nothing, options),
  'Builder.node(options)': (options) => graph.build(graph.createGraph('g')).node('Relu', [], options),
  'graph prune(options)': (options) => graph.prune(nothing, options),
  'graph inferModel(options)': (options) => graph.inferModel(nothing, options),
  'graph readModel(options)': (options) => graph.readModel(nothing, options),
  'graph recompute(options)': (options) => graph.recompute(nothing, options),
  'graph replaceProducer(options)': (options) => {
    const g = graph.createGraph('g')
    graph.addInput(g, 'x', 'float32', [])
    return graph.replaceProducer(g, 'x', 'Relu', [], options)
  },
  'graph forInference(options)': (options) => graph.forInference(nothing, options),
  'graph packMatrices(options)': (options) => graph.packMatrices(nothing, options),
  'graph quantizeProducts(options)': (options) => graph.quantizeProducts(nothing, options),
  'graph readGraph(options)': (options) => graph.readGraph(nothing, options),
  'data doubtfulClasses(options)': (options) => data.doubtfulClasses([], [], '', options),
  'data encodeRows(options)': (options) => data.encodeRows(nothing, nothing, options),
  'data encodeTexts(options)': (options) => data.encodeTexts(nothing, nothing, options),
  'data encodeWords(options)': (options) => data.encodeWords(nothing, nothing, options),
  'data encodeForLanguageModel(options)': (options) => data.encodeForLanguageModel(nothing, nothing, options),
  'data packSentences(options)': (options) => data.packSentences([[1]], options),
  'data packSteps(options)': (options) => data.packSteps([[1]], options),
  'data zipOf(options)': (options) => data.zipOf(nothing, options),
  'data accuracy(options)': (options) => data.accuracy([], [], options),
  'data classificationMetrics(options)': (options) => data.classificationMetrics([], [], options),
  'data classScores(options)': (options) => data.classScores([], [], options),
  'data f1(options)': (options) => data.f1([], [], options),
  'data majorityBaseline(options)': (options) => data.majorityBaseline([], options),
  'data matthewsCorrelation(options)': (options) => data.matthewsCorrelation([], [], options),
  'data precision(options)': (options) => data.precision([], [], options),
  'data recall(options)': (options) => data.recall([], [], options),
  'data pairedBootstrap(options)': (options) => data.pairedBootstrap(nothing, nothing, nothing, nothing, options),
  'data entityMetrics(options)': (options) => data.entityMetrics([], [], options),
  'data multiLabelMetrics(options)': (options) => data.multiLabelMetrics([], [], options),
  'data pearson(options)': (options) => data.pearson([], [], options),
  'data spearman(options)': (options) => data.spearman([], [], options),
  'data meanSquaredError(options)': (options) => data.meanSquaredError([], [], options),
  'data tagMetrics(options)': (options) => data.tagMetrics([], [], options),
  'data regressionMetrics(options)': (options) => data.regressionMetrics([], [], options),
  'data cosineSimilarities(options)': (options) => data.cosineSimilarities(nothing, nothing, options),
  'data retrievalMetrics(options)': (options) => data.retrievalMetrics(nothing, nothing, options),
  'data generateSentences(options)': (options) => data.generateSentences(options),
  'data decodeText(options)': (options) => data.decodeText(nothing, options),
  'data labelledTable(options)': (options) => data.labelledTable(nothing, options),
  'data parseRecords(options)': (options) => data.parseRecords(nothing, 'csv', 'table', options),
  'data parseTable(options)': (options) => data.parseTable(nothing, 'csv', 'table', options),
  'data readRecords(options)': (options) => data.readRecords('nowhere', options),
  'data readTable(options)': (options) => data.readTable('nowhere', options),
  'data splitRows(options)': (options) => data.splitRows([], 0.5, options),
  'data readText(options)': (options) => data.readText([], options),
  'Tokenizer.encode(options)': (options) => opened.tokenizer.encode('a', options),
  'Tokenizer.encodePlus(options)': (options) => opened.tokenizer.encodePlus('a', options),
  'Tokenizer.applyChatTemplate(options)': (options) => opened.tokenizer.applyChatTemplate([], options),
  'data readTokenizer(options)': (options) => data.readTokenizer('nowhere', options),
  'data hubFiles(options)': (options) => data.hubFiles('nobody/nothing', [], options),
  'data pushToHub(options)': (options) => data.pushToHub('nobody/nothing', options),
  'data openFiles(options)': (options) => data.openFiles('nowhere', options),
  'data openFile(options)': (options) => data.openFile(new Blob([]), options),
  'data openFileIn(options)': (options) => data.openFileIn('nowhere', 'a.txt', options),
  'data readGlueCola(options)': (options) => data.readGlueCola(options),
  'train loadArtifacts(options)': (options) => train.loadArtifacts('nowhere', options),
  'train loadCheckpoint(options)': (options) => train.loadCheckpoint('nowhere', undefined, options),
  'train generateArtifacts(options)': (options) => train.generateArtifacts(nothing, options),
  'train binaryCrossEntropy(options)': (options) => train.binaryCrossEntropy(options),
  'train meanSquaredError(options)': (options) => train.meanSquaredError(options),
  'train cosineSquaredError(options)': (options) => train.cosineSquaredError(options),
  'train multipleNegativesRanking(options)': (options) => train.multipleNegativesRanking(options),
  'train crossEntropy(options)': (options) => train.crossEntropy(options),
  'train modelFileOf(form)': (options) => train.modelFileOf(options),
  'train writeModelFolder(options)': (options) => train.writeModelFolder(options),
  'train loadClassifier(options)': (options) => train.loadClassifier('nowhere', options),
  'train writeClassifier(options)': (options) => train.writeClassifier(options),
  'train adam(options)': (options) => train.adam(options),
  'train adamw(options)': (options) => train.adamw(options),
  'train sgd(options)': (options) => train.sgd(options),
  'train schedule(options)': (options) => train.schedule('linear', options),
  'train scaleByAdam(options)': (options) => train.scaleByAdam(options),
  'train openSession(model)': (options) => train.openSession(options, 'cpu'),
  'train configureRuntime(options)': (options) => train.configureRuntime(options),
  'train openEvaluation(options)': (options) => train.openEvaluation(nothing, options),
  'train paddedBatches(options)': (options) => train.paddedBatches(graph.createGraph('g'), options),
  // A TrainableSession is a TrainingSession, of this thread or of a worker, which checks there.
  'TrainableSession.runTrainStep(options)': (options) => opened.session.runTrainStep(nothing, options),
  'TrainableSession.runOptimizerStep(options)': (options) => opened.session.runOptimizerStep(options),
  'TrainingWorker.runTrainStep(options)': (options) => opened.session.runTrainStep(nothing, options),
  'TrainingWorker.runOptimizerStep(options)': (options) => opened.session.runOptimizerStep(options),
  'TrainingSession.runTrainStep(options)': (options) => opened.session.runTrainStep(nothing, options),
  'TrainingSession.runOptimizerStep(options)': (options) => opened.session.runOptimizerStep(options),
  'TrainingSession.create(options)': (options) => train.TrainingSession.create(options),
  'train saveBatches(options)': (options) => train.saveBatches('nowhere', options),
  'train saveRows(options)': (options) => train.saveRows('nowhere', nothing, options),
  'train consoleProgress(options)': (options) => train.consoleProgress(options),
  'train evaluateRows(options)': (options) => train.evaluateRows(nothing, nothing, options),
  'train checkLoopOptions(options)': (options) => train.checkLoopOptions('loop', options, nothing),
  'new Trainer(options)': (options) => new train.Trainer(options),
  'train createTrainingWorker(options)': (options) => train.createTrainingWorker(options),
  'lora openAdapter(options)': (options) => lora.openAdapter('nowhere', options),
  'lora pushAdapter(options)': (options) => lora.pushAdapter('nobody/nothing', nothing, options),
  'lora writeAdapter(options)': (options) => lora.writeAdapter('nowhere', nothing, options),
  'lora combineAdapters(options)': (options) => lora.combineAdapters(nothing, options),
  'lora switchable(options)': (options) => lora.switchable(nothing, nothing, options),
  'SwitchableModel.feeds(options)': (options) => opened.switchable.feeds('a', options),
  'lora createGenerator(options)': (options) => lora.createGenerator(nothing, options),
  'Generator.generate(options)': (options) => opened.generator.generate([1], options),
  'Generator.stream(options)': (options) => first(opened.generator.stream([1], options)),
  'Generator.streamTexts(options)': (options) => first(opened.generator.streamTexts(['a'], options)),
  'Generator.loadAdapter(options)': (options) => opened.generator.loadAdapter('a', 'nowhere', options),
  'OpenedGenerator.generate(options)': (options) => opened.generator.generate([1], options),
  'OpenedGenerator.stream(options)': (options) => first(opened.generator.stream([1], options)),
  'OpenedGenerator.streamTexts(options)': (options) => first(opened.generator.streamTexts(['a'], options)),
  'OpenedGenerator.loadAdapter(options)': (options) => opened.generator.loadAdapter('a', 'nowhere', options),
  'lora openGenerator(options)': (options) => lora.openGenerator('nowhere', options),
  'lora nextToken(options)': (options) => lora.nextToken(nothing, options, nothing),
  'lora sampleTexts(options)': (options) => lora.sampleTexts(nothing, options),
  'lora exportAdapters(options)': (options) => lora.exportAdapters('nowhere', nothing, nothing, options),
  'lora fineTune(options)': (options) =>
    lora.fineTune('nowhere', typeof options === 'object' && options ? { train: [], ...(options as object) } : options),
  'FineTuned.export(options)': (options) => opened.tuned.export('nowhere', options),
  'FineTunedModel.export(options)': (options) => opened.tuned.export('nowhere', options),
  'lora loadFineTuned(options)': (options) => lora.loadFineTuned('nowhere', options),
  'lora gpt2(options)': (options) => lora.gpt2(nothing, nothing, options),
  'lora gpt2Parameters(options)': (options) => lora.gpt2Parameters(nothing, nothing, options),
  'lora randomGpt2(options)': (options) => lora.randomGpt2(nothing, options),
  'lora lora(config)': (options) => lora.lora(nothing, options),
  'lora lora(options)': (options) => lora.lora(nothing, nothing, options),
  'lora withAdapter(options)': (options) => lora.withAdapter(nothing, nothing, options),
  'lora exportMerged(options)': (options) => lora.exportMerged(nothing, options),
  'lora openBase(options)': (options) => lora.openBase('nowhere', options),
  'lora loadPretrained(options)': (options) => lora.loadPretrained('nowhere', options),
  'lora withHead(options)': (options) => lora.withHead(nothing, options),
  'lora openHiddenStates(options)': (options) => lora.openHiddenStates(nothing, nothing, options),
  'lora openOnnxModel(options)': (options) => lora.openOnnxModel('nowhere', options),
  'lora nextTokenLoss(options)': (options) => lora.nextTokenLoss(options),
  'TextGenerator.generate(options)': (options) => opened.tuned.generate('a', options),
  'TextGenerator.stream(options)': (options) => first(opened.tuned.stream('a', options)),
  'TextGenerator.streamTexts(options)': (options) => first(opened.tuned.streamTexts(['a'], options)),
  'rnn exportStudent(options)': (options) => rnn.exportStudent(options),
  'rnn loadStudent(options)': (options) => rnn.loadStudent('nowhere', options),
  'rnn saveStudent(student)': (options) => rnn.saveStudent('nowhere', options),
  'rnn parseStudentConfig(config)': (options) => rnn.parseStudentConfig(options),
  'rnn embeddingFrom(options)': (options) => rnn.embeddingFrom(nothing, options),
  'rnn randomEmbedding(options)': (options) => rnn.randomEmbedding(1, 1, options),
  'rnn distilRnn(options)': (options) => rnn.distilRnn(nothing, nothing, nothing, options),
  'rnn randomDistilRnn(options)': (options) => rnn.randomDistilRnn(nothing, options),
  'rnn createStudent(options)': (options) => rnn.createStudent(options),
  'distill distillation(options)': (options) => distill.distillation(options),
  'distill pairLossGraph(options)': (options) => distill.pairLossGraph('hidden_mse', options),
  'PairLoss.graph(options)': (options) => distill.pairLosses.hidden_mse.graph(nothing, nothing, nothing, options),
  'PairLoss.plain(options)': (options) => distill.pairLosses.hidden_mse.plain(nothing, nothing, 1, options),
  'distill crossEntropyLoss(options)': (options) => distill.crossEntropyLoss([], [], options),
  'distill kdLoss(options)': (options) => distill.kdLoss([], [], [], options),
  'distill pairLoss(options)': (options) => distill.pairLoss('hidden_mse', {} as never, options),
  'distill withProjection(options)': (options) => distill.withProjection(nothing, options),
  'distill distill(options)': (options) => distill.distill(options),
  'distill loadDistilled(options)': (options) => distill.loadDistilled('nowhere', options),
  'StudentClassifier.export(options)': (options) => opened.student.export('nowhere', options),
  'DistilledStudent.export(options)': (options) => opened.student.export('nowhere', options),
  'distill teacherFromFile(options)': (options) => distill.teacherFromFile('nowhere', options),
  'distill cachedTeacher(options)': (options) => distill.cachedTeacher(nothing, options),
}

/** What takes other objects too: a name is refused where it is close to one of its own. */
const open: readonly string[] = ['train openSession(model)']

/**
 * Numbers that may be below 0; layers of a pattern that are none match none, which is an error of its own, and columns
 * count from the end.
 */
const signed: ReadonlySet<string> = new Set([
  ...['seed', 'dropoutSeed', 'scale', 'adapter_scale', 'lora_alpha', 'layers_to_transform', 'words', 'tags'],
])

/** A name that is not one of the options, because it lacks a letter. */
const misspelled = (name: string): string => `${name.slice(0, 1)}${name.slice(2)}`

/** Runs a generator up to its first value. */
const first = (values: AsyncGenerator<unknown>): Promise<unknown> => values.next()

async function refusal(call: Call, options: object): Promise<unknown> {
  try {
    await call(options as never)
    return undefined
  } catch (error) {
    return error
  }
}

async function expectRefusal(call: Call, name: string, options: object): Promise<graph.ColaError> {
  const error = await refusal(call, options)
  expect(error, `${JSON.stringify(Object.keys(options))} = ${Object.values(options)}`).toBeInstanceOf(train.ConfigError)
  expect((error as Error).message).toContain(name)
  return error as graph.ColaError
}

beforeAll(async () => {
  const files = tinyEncoder()
  const tokenizer = data.createTokenizer(JSON.parse(new TextDecoder().decode(files['tokenizer.json'])), {
    chat_template: '{{ messages }}',
  })
  const config = lora.parseGpt2Config({
    ...{ model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 8, n_positions: 16, vocab_size: 64 },
  })
  const parameters = lora.randomGpt2(config, { head: 'language-model' })
  const decoder = lora.gpt2(config, parameters, { head: 'language-model', cache: true })
  const adapted = lora.lora(decoder, { target_modules: ['c_attn'], r: 2 })
  const adapter = { config: adapted.config, tensors: lora.adapterTensors(adapted) }
  const folder = {
    'config.json': new TextEncoder().encode(JSON.stringify({ ...config, eos_token_id: 0 })),
    'model.safetensors': graph.serializeSafetensors(parameters),
    'tokenizer.json': files['tokenizer.json'] as Uint8Array,
  }
  const run = { epochs: 1, batch_size: 2, device: 'cpu' } as const
  const rows = ['a', 'b', 'c', 'd'].map((text, i) => ({ text, label: i % 2 }))
  opened = {
    tokenizer,
    session: await train.TrainingSession.create({ artifacts: smallGpt2().artifacts, device: 'cpu' }),
    switchable: lora.switchable(decoder, { a: adapter }),
    generator: await lora.createGenerator(decoder, { config, tokenizer }),
    tuned: await lora.fineTune(folder, { ...run, task: 'CAUSAL_LM', train: rows.map(({ text }) => ({ text })) }),
    student: await distill.distill({ ...run, student: { embedding_size: 2, hidden_size: 2 }, tokenizer, train: rows }),
  }
})
afterAll(() =>
  Promise.all([opened.session, opened.generator, opened.tuned, opened.student].map((one) => one.release())),
)

it('has a call for each public function and method with options, and for nothing else', () => {
  expect(Object.keys(calls).sort()).toEqual(Object.keys(found).sort())
})

/** The options that tasks add to those of fineTune. */
const ofTasks: { readonly [T in lora.TaskType]: Readonly<Record<keyof lora.TaskTypes[T]['options'], true>> } = {
  SEQ_CLS: {
    ...({ problem_type: true, labels: true, head: true, pooling: true } as const),
    ...({ label_smoothing: true, class_weight: true, pos_weight: true } as const),
  },
  TOKEN_CLS: {
    ...({ labels: true, scheme: true, head: true, label_all_tokens: true } as const),
    ...({ punctuation: true, class_weight: true } as const),
  },
  FEATURE_EXTRACTION: { pooling: true, scale: true },
  CAUSAL_LM: { completion_only_loss: true, assistant_only_loss: true, eos_token: true, chat_template: true },
}

describe.each(Object.entries(ofTasks))('fineTune of %s', (task, options) => {
  it.each(Object.keys(options))('refuses NaN for %s, and a misspelled one', async (name) => {
    const call: Call = (given: object) => lora.fineTune('nowhere', { task, train: [], ...given } as never)
    await expectRefusal(call, name, { [name]: Number.NaN })
    await expectRefusal(call, `${name}_`, { [`${name}_`]: 1 })
  })
})

describe.each(Object.entries(calls))('%s', (door, call) => {
  const names = Object.entries(found[door] ?? {})

  it('refuses names that it does not have, and says which one was meant', async () => {
    if (!open.includes(door)) await expectRefusal(call, 'zzzzzzzz', { zzzzzzzz: 1 })
    for (const [name] of names.filter(([{ length }]) => length > 7)) {
      const { problem } = await expectRefusal(call, misspelled(name), { [misspelled(name)]: 1 })
      expect(problem.fix).toBe(`Did you mean ${name}?`)
    }
  })

  it('takes undefined for what is not there, whatever its name', async () => {
    if (!open.includes(door)) await expectRefusal(call, 'yyyyyyyy', { zzzzzzzz: undefined, yyyyyyyy: 1 })
  })

  it.each([null, 5, 'text'])('refuses %j in place of options', async (value) => {
    expect(await refusal(call, value as never)).toBeInstanceOf(train.ConfigError)
  })

  it('says what it found in place of each option, an object too', async () => {
    for (const [name] of names)
      for (const value of [{ rows: [] }, [{ rows: [] }]])
        expect(String(await refusal(call, { [name]: value }))).not.toContain('[object Object]')
  })

  it('says what a Promise in place of each option lacks', async () => {
    for (const [name] of names) {
      const others = door === 'distill distill(options)' ? { student: {}, tokenizer: 'nowhere', train: [{}] } : {}
      const { message } = await expectRefusal(call, name, { ...others, [name]: Promise.resolve(1) })
      expect(message).toContain('a Promise: write await before it')
    }
  })

  it('refuses NaN for each option, and numbers out of range', async () => {
    for (const [name, { isNumber }] of names) {
      await expectRefusal(call, name, { [name]: Number.NaN })
      if (isNumber && !signed.has(name)) await expectRefusal(call, name, { [name]: -1 })
    }
  })
})
