// The Python package against one machine: the same losses and weights for any number of workers, with dropout, with an
// uneven last batch, and after a worker is killed. A virtual environment with Ray is made once and kept.

import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { random } from '@cola/data'
import { teacherFromFile } from '@cola/distill'
import {
  build,
  elementCount,
  type Graph,
  getValue,
  type Loss,
  prune,
  readModel,
  safetensorsChunks,
  toFloat32,
  type Value,
} from '@cola/graph'
import {
  createGenerator,
  fineTune,
  gpt2,
  lora,
  nextToken,
  openBase,
  parseGpt2Config,
  randomGpt2,
  withHead,
  withPaddedInputs,
} from '@cola/lora'
import {
  adamw,
  type Batch,
  crossEntropy,
  generateArtifacts,
  loadCheckpoint,
  openSession,
  paddedBatches,
  saveArtifacts,
  saveBatches,
  saveRows,
  feedsOf,
  Trainer,
  type TrainingArtifacts,
  TrainingSession,
  writeModels,
} from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decoderFiles } from '../../packages/lora/test/support/decoder-files.ts'
import { pythonWith } from '../../tools/python.ts'
import { waitLimit } from '../../tools/hang-limit.ts'
import { root } from '../../tools/root.ts'

const here = import.meta.dirname
const { python, missing } = await pythonWith('ray', ['ray.data', 'onnxruntime', 'safetensors'], () => {
  // A build leaves files beside the sources.
  const copy = join(root, 'out/ray-package')
  cpSync(here, copy, { recursive: true })
  return [`${copy}[score]`]
})
if (missing !== undefined) console.warn(`integrations/ray: skipped, ${missing}`)

const work = mkdtempSync(join(tmpdir(), 'cola-ray-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

interface Result {
  losses: number[]
  restarts: number
  events: string[]
  rows: number
  scored: number
  sampled: number
  file: string
  error?: string
}
interface Job {
  command: 'train' | 'score' | 'sample' | 'remove'
  options: Record<string, unknown>
  kill_at?: number
}

const environmentVariables = {
  ...process.env,
  PYTHONPATH: here,
  RAY_AUTH_MODE: 'disabled',
  RAY_USAGE_STATS_ENABLED: '0',
}

/** Runs jobs one after another on one local Ray. */
function runJobs(jobs: readonly Job[]): Result[] {
  const stdout = execFileSync(python, [join(here, 'test/run.py')], {
    input: JSON.stringify(jobs),
    encoding: 'utf8',
    env: environmentVariables,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: waitLimit,
  })
  // Ray prints messages of its own, such as that a worker died, whenever they arrive.
  return JSON.parse(stdout.split('\n').findLast((line) => line.startsWith('[{')) as string) as Result[]
}

interface Row {
  ids: number[]
  label: number
}

/** An encoder as PyTorch exports it, with LoRA. */
const graph = readModel(readFileSync(join(root, 'tools/parity/fixtures/onnx-bert/model.onnx')))
graph.outputs = [graph.nodes.findLast(({ opType }) => opType === 'LayerNormalization')?.outputs[0] as string]
prune(graph)
const base = withHead(
  { graph, trainable: new Set<string>() },
  { num_labels: 2, pooling: 'mean', name: 'classifier', bias: true },
)
/** A mean over labels by class weights, and one over rows: their shares of a step differ. */
const meanOfLabels = crossEntropy({ weight: [1, 3] })
const meanOfRows: Loss = (of) => {
  const g = build(of)
  const logits = getValue(of, 'logits')
  return g.ReduceMean(g.Mul(logits, logits), { keepdims: 0 })
}
const loss: Loss = Object.assign((of: Graph): Value => build(of).Add(meanOfLabels(of), meanOfRows(of)), {
  terms: [meanOfLabels, meanOfRows],
})

const artifactsWith = (lora_dropout: number): TrainingArtifacts =>
  generateArtifacts(
    lora(base, { task_type: 'SEQ_CLS', r: 4, lora_alpha: 8, lora_dropout, target_modules: 'all-linear' }),
    { loss, optimizer: adamw({ weight_decay: 0.01, max_grad_norm: 1 }) },
  )

const stream = random(7, 'rows')
/** 29 rows of unequal length: an optimizer step of 12 rows leaves 5 for the last one. */
const rows: Row[] = Array.from({ length: 29 }, () => ({
  ids: Array.from({ length: 2 + stream.integer(6) }, () => 1 + stream.integer(8)),
  label: stream.integer(2),
}))
const pad = paddedBatches(base.graph)
const collate = (list: readonly Row[]): Batch => ({
  ...pad(list.map(({ ids }) => ids)),
  labels: { data: Int32Array.from(list, ({ label }) => label), dims: [list.length] },
})
const loop = { epochs: 2, learning_rate: 0.002, lr_scheduler_type: 'cosine', warmup: 0.2, seed: 11 } as const
const seed = 5

/** The losses and final weights of a Trainer in this process. */
async function oneMachine(
  artifacts: TrainingArtifacts,
  sizes: { batch_size: number; gradient_accumulation_steps: number },
) {
  const session = await TrainingSession.create({ artifacts, device: 'cpu', seed })
  const { losses, history } = await new Trainer({ session, data: { train: rows, collate }, ...loop, ...sizes }).train()
  const { tensors } = await session.getState()
  await session.release()
  return { losses, history, tensors }
}

/** The greatest distance between elements; infinite where one is not a number. */
const farthest = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (value, i) => Math.abs(value - (b[i] as number))).reduce(
    (most, distance) => (distance <= most ? most : Number.isNaN(distance) ? Number.POSITIVE_INFINITY : distance),
    0,
  )

type Reference = Awaited<ReturnType<typeof oneMachine>>

async function expectSame(
  output: string,
  { losses }: Result,
  reference: Reference,
  saved = loadCheckpoint(join(output, 'checkpoint.safetensors')),
) {
  const checkpoint = await saved
  expect(losses).toHaveLength(reference.losses.length)
  expect(farthest(losses, reference.losses)).toBeLessThan(1e-5)
  expect([...checkpoint.tensors.keys()].sort()).toEqual([...reference.tensors.keys()].sort())
  for (const [name, tensor] of reference.tensors) {
    const found = toFloat32(checkpoint.tensors.get(name) as typeof tensor)
    expect(found).toHaveLength(elementCount(tensor.dims))
    expect(farthest(found, toFloat32(tensor)), name).toBeLessThan(1e-5)
  }
  expect(checkpoint.state.history.map(({ step }) => step)).toEqual(reference.history.map(({ step }) => step))
  const meansOf = (history: Reference['history']) => history.map(({ train_loss }) => train_loss)
  expect(farthest(meansOf(checkpoint.state.history), meansOf(reference.history))).toBeLessThan(1e-5)
}

it.skipIf(missing !== undefined)('artifacts of earlier versions lack two fields, as loadArtifacts reads them', () => {
  const { trainingModel, evalModel, optimizerModel, parameters, ...description } = artifactsWith(0)
  const { gradientCheckpointing, biasCorrections, ...earlier } = description
  mkdirSync(join(work, 'earlier'))
  const file = safetensorsChunks(parameters, { format: 'pt', artifacts: JSON.stringify(earlier) })
  writeFileSync(join(work, 'earlier/checkpoint'), Buffer.concat([...file]))
  const code = `import json, sys
from cola_ray.artifacts import Description
about = Description(sys.argv[1])
print(json.dumps([about.checkpointing, about.bias_corrections]))`
  const found = execFileSync(python, ['-c', code, join(work, 'earlier')], { env: environmentVariables })
  expect(JSON.parse(String(found))).toEqual([false, []])
})

describe.skipIf(missing !== undefined)('training on Ray', () => {
  const folder = (name: string) => join(work, name)
  const plain = artifactsWith(0)
  const dropout = artifactsWith(0.2)
  const job = (name: string, model: string, workers: number, more: Record<string, unknown> = {}): Job => ({
    command: 'train',
    options: {
      artifacts: folder(model),
      batches: folder(`${model}-batches`),
      output_dir: folder(name),
      workers,
      collective: 'ray',
      ...more,
    },
  })
  const results = new Map<string, Result>()
  const result = (name: string) => results.get(name) as Result

  beforeAll(async () => {
    for (const [name, artifacts] of Object.entries({ plain, dropout })) {
      saveArtifacts(folder(name), artifacts)
      const sizes = { batch_size: 3, gradient_accumulation_steps: 4 }
      const data = { train: rows, collate }
      const saved = await saveBatches(folder(`${name}-batches`), {
        artifacts,
        data,
        ...loop,
        ...sizes,
        dropoutSeed: seed,
        max_file_size: 2000,
      })
      expect(saved).toEqual({ steps: 6, batches: 20 })
    }
    writeModels(folder('teacher'), { model: base.graph })
    saveRows(folder('rows'), base.graph, { rows, collate, batch_size: 4 })
    const score: Job = {
      command: 'score',
      options: {
        model: folder('teacher/model.onnx'),
        batches: folder('rows'),
        output_dir: folder('scores'),
        workers: 2,
        split: 'transfer',
      },
    }
    const jobs: Record<string, Job> = {
      one: job('one', 'plain', 1),
      two: job('two', 'plain', 2),
      three: job('three', 'plain', 3),
      'dropout one': job('dropout one', 'dropout', 1),
      'dropout two': job('dropout two', 'dropout', 2),
      killed: { ...job('killed', 'dropout', 2, { save_steps: 2 }), kill_at: 5 },
      'killed at once': { ...job('killed at once', 'dropout', 3, { max_failures: 1 }), kill_at: 1 },
      'killed for good': { ...job('killed for good', 'plain', 2, { max_failures: 0, save_steps: 1 }), kill_at: 2 },
      resumed: job('killed for good', 'plain', 1),
      'of another run': job('one', 'dropout', 1),
      'no such folder': job('none', 'nowhere', 1),
      score,
      'score again': score,
    }
    const names = Object.keys(jobs)
    for (const [i, one] of runJobs(Object.values(jobs)).entries()) results.set(names[i] as string, one)
  })

  it.each(['one', 'two', 'three'])(
    '%s workers have the losses and weights of one machine at the same global batch',
    async (name) => {
      await expectSame(
        folder(name),
        result(name),
        await oneMachine(plain, { batch_size: 12, gradient_accumulation_steps: 1 }),
      )
    },
  )

  it('draws the masks that random of @cola/data draws', () => {
    const cases = [
      [3, 17, 2, 5000, 0.1],
      [-7, 1000, 0, 300_001, 0.05],
      [0, 0, 0, 1, 0.9],
    ] as const
    const code = `import json, sys
from cola_ray.dropout import mask
print(json.dumps([(mask(seed, batch, index, [size], p) == 0).nonzero()[0].tolist()
                  for seed, batch, index, size, p in json.load(sys.stdin)]))`
    const zeros = execFileSync(python, ['-c', code], { input: JSON.stringify(cases), env: environmentVariables })
    expect(JSON.parse(String(zeros))).toEqual(
      cases.map(([runSeed, batch, index, size, p]) =>
        [
          ...random(runSeed, 'dropout', batch, index)
            .mask(size, 1 - p)
            .entries(),
        ].flatMap(([i, kept]) => (kept ? [] : [i])),
      ),
    )
  })

  it('masks of dropout are those of TrainingSession, on one, two and three workers', async () => {
    expect(dropout.dropoutMasks.length).toBeGreaterThan(3)
    const reference = await oneMachine(dropout, { batch_size: 3, gradient_accumulation_steps: 4 })
    // One of three workers was killed, too.
    for (const name of ['dropout one', 'dropout two', 'killed at once'])
      await expectSame(folder(name), result(name), reference)
  })

  it('a worker killed in the middle of an epoch changes nothing', async () => {
    const checkpoint = (name: string) => loadCheckpoint(join(folder(name), 'checkpoint.safetensors'))
    const untouched = await checkpoint('dropout two')
    const killed = await checkpoint('killed')
    expect(result('killed').events.filter((event) => event === 'restart')).toHaveLength(1)
    expect(result('killed').losses).toEqual(result('dropout two').losses)
    expect(killed.state).toEqual(untouched.state)
    expect([...killed.tensors.keys()].sort()).toEqual([...untouched.tensors.keys()].sort())
    for (const [name, tensor] of untouched.tensors)
      expect(Buffer.compare(tensor.bytes(), killed.tensors.get(name)?.bytes() ?? new Uint8Array()), name).toBe(0)
    expect(result('killed at once').restarts).toBe(1)
    expect(result('killed at once').losses).toHaveLength(untouched.state.step)
    const log = readFileSync(join(folder('killed'), 'log.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(log.map(({ event, step }) => `${event} ${step}`)).toEqual([
      'step 1',
      'step 2',
      'step 3',
      'epoch 3',
      'step 4',
      'step 5',
      'step 6',
      'epoch 6',
    ])
  })

  it('a run that ended goes on from its checkpoint, with another number of workers', async () => {
    expect(result('killed for good').error).toMatch(/workers died 1 times/)
    expect(result('resumed').losses).toHaveLength(4)
    const reference = await oneMachine(plain, { batch_size: 12, gradient_accumulation_steps: 1 })
    await expectSame(folder('killed for good'), { ...result('resumed'), losses: reference.losses }, reference)
  })

  it('a Trainer takes a checkpoint of Ray, and a session its weights', async () => {
    const { tensors, state } = await loadCheckpoint(join(folder('dropout two'), 'checkpoint.safetensors'))
    const session = await TrainingSession.create({ artifacts: dropout, device: 'cpu', seed })
    session.setState({ tensors, step: state.step })
    await session.release()
    const resumed = await TrainingSession.create({ artifacts: dropout, device: 'cpu', seed })
    const sizes = { batch_size: 3, gradient_accumulation_steps: 4 }
    const data = { train: rows, collate }
    const trainer = new Trainer({
      session: resumed,
      data,
      ...loop,
      ...sizes,
      output_dir: folder('dropout two'),
      resume: true,
    })
    expect((await trainer.train()).losses).toEqual([])
    await resumed.release()
  })

  it('refuses what does not fit, in words', () => {
    const words = ['-m', 'cola_ray', 'train', '--artifacts', 'nowhere', '--batches', 'nowhere', '--output-dir', 'out']
    const { status, stderr } = spawnSync(python, words, { cwd: work, env: environmentVariables, encoding: 'utf8' })
    expect({ status, stderr: stderr.trim().split(/\r?\n/).at(-1) }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/nowhere.checkpoint: no such file.*saveArtifacts/),
    })
    expect(result('of another run').error).toMatch(/belongs to another run/)
    expect(result('no such folder').error).toMatch(/no such file.*saveArtifacts/)
  })

  it('scores each row once, and goes on where it was stopped', async () => {
    expect(result('score')).toMatchObject({ rows: rows.length, scored: 8 })
    expect(result('score again').scored).toBe(0)
    const path = join(folder('scores'), 'scores.safetensors')
    const texts = rows.map(({ ids }) => ids.join(' '))
    const logits = await (await teacherFromFile(path)).logits({ name: 'transfer', texts })
    const session = await openSession({ graph: base.graph }, 'cpu')
    const { feeds } = feedsOf(base.graph, base.graph.inputs, collate(rows))
    const expected = (await session.run(feeds))[base.graph.outputs[0] as string]?.data as Float32Array
    await session.release()
    expect(logits).toHaveLength(expected.length)
    expect(farthest(logits, expected)).toBeLessThan(1e-5)
  })
})

describe.skipIf(missing !== undefined)('sampling on Ray', () => {
  const folder = (name: string) => join(work, `sampling-${name}`)
  const prompts = [[5], [9, 4], [7, 8, 11], [12], [3, 6]]
  const drawn = { samples: 6, max_new_tokens: 6, temperature: 1.3, top_k: 12, top_p: 0.9, seed: 3, batch_size: 4 }
  interface Sample {
    prompt: number
    ids: number[]
    finish_reason: string
  }
  const samples = (name: string): Sample[] =>
    readFileSync(join(folder(name), 'samples.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  const results = new Map<string, Result>()
  const greedy: Record<string, Sample[]> = {}

  /** The most probable tokens, of each prompt alone. */
  async function greedyOf(
    model: Parameters<typeof createGenerator>[0],
    config: object,
    max_new_tokens: number,
  ): Promise<Sample[]> {
    const generator = await createGenerator(model, { config })
    const found: Sample[] = []
    for (const [prompt, ids] of prompts.entries()) {
      let finish_reason = ''
      const onFinish = (reason: string) => (finish_reason = reason)
      found.push({ prompt, ids: await generator.generate(ids, { max_new_tokens, onFinish }), finish_reason })
    }
    await generator.release()
    return found
  }

  beforeAll(async () => {
    // A decoder with a cache, as @cola/lora exports it with its adapter merged.
    const texts = ['w5 w6 w7 w2', 'w9 w4 w9 w4', 'w8 w8 w3', 'w11 w12 w13'].map((text) => ({ text }))
    const tuned = await fineTune(decoderFiles('decoder-qwen3'), {
      ...{ task: 'CAUSAL_LM', train: texts, epochs: 2, batch_size: 2, learning_rate: 0.01, device: 'cpu' },
    })
    await tuned.export(folder('decoder'))
    await tuned.release()
    const exported = await openBase(folder('decoder'))
    const decoder = exported.cachedLanguageModel()
    if (!decoder) throw new Error('the export has no cache')
    greedy.decoder = await greedyOf(decoder, exported.config, 12)
    // GPT-2 as other programs take it, without a cache; its longest text has eight tokens.
    const config = parseGpt2Config({
      ...{ model_type: 'gpt2', n_layer: 1, n_head: 2, n_embd: 16, n_positions: 8, vocab_size: 40, eos_token_id: 2 },
    })
    const parameters = randomGpt2(config, { head: 'language-model', seed: 3 })
    const plain = withPaddedInputs(gpt2(config, parameters, { head: 'language-model' }))
    writeModels(folder('gpt2'), { model: plain })
    writeFileSync(join(folder('gpt2'), 'config.json'), JSON.stringify(config))
    greedy.gpt2 = await greedyOf(gpt2(config, parameters, { head: 'language-model', cache: true }), config, 12)
    const file = join(work, 'prompts.jsonl')
    writeFileSync(file, prompts.map((ids) => `${JSON.stringify(ids)}\n`).join(''))
    const job = (name: string, model: string, options: Record<string, unknown>): Job => ({
      command: 'sample',
      options: { model: join(folder(model), 'model.onnx'), prompts: file, output_dir: folder(name), ...options },
    })
    const jobs: Record<string, Job> = {
      'greedy decoder': job('greedy decoder', 'decoder', { temperature: 0, max_new_tokens: 12, workers: 2 }),
      'greedy gpt2': job('greedy gpt2', 'gpt2', { temperature: 0, max_new_tokens: 12 }),
      drawn: job('drawn', 'decoder', { ...drawn, workers: 2 }),
      'drawn alone': job('drawn alone', 'decoder', drawn),
      remove: {
        command: 'remove',
        options: { paths: [1, 3].map((batch) => join(folder('drawn'), `samples-00000${batch}.json`)) },
      },
      'drawn again': job('drawn', 'decoder', drawn),
      'another seed': job('another seed', 'decoder', { ...drawn, seed: 4 }),
      'of other options': job('drawn', 'decoder', { ...drawn, seed: 4 }),
      'bad option': job('bad option', 'decoder', { temperature: Number.MIN_SAFE_INTEGER }),
    }
    const names = Object.keys(jobs)
    for (const [i, one] of runJobs(Object.values(jobs)).entries()) results.set(names[i] as string, one)
  })

  it.each(['decoder', 'gpt2'])(
    '%s: the most probable tokens are those of generate, and end for the same reason',
    (name) => {
      expect(samples(`greedy ${name}`)).toEqual(greedy[name])
      expect(greedy[name]?.flatMap(({ ids }) => ids).length).toBeGreaterThan(20)
    },
  )

  it('samples each row once, the same on any number of workers and after a restart', () => {
    expect(results.get('drawn')).toMatchObject({ rows: 30, sampled: 8 })
    expect(results.get('drawn again')).toMatchObject({ rows: 30, sampled: 2 })
    const rows = samples('drawn')
    expect(rows.map(({ prompt }) => prompt)).toEqual(prompts.flatMap((_, prompt) => Array(6).fill(prompt)))
    expect(samples('drawn alone')).toEqual(rows)
    expect(samples('another seed')).not.toEqual(rows)
    // The samples of a prompt differ from each other.
    expect(new Set(rows.map(({ ids }) => ids.join())).size).toBeGreaterThan(20)
    expect(results.get('of other options')?.error).toMatch(
      /results of another model, of other rows or of other options/,
    )
    expect(results.get('bad option')?.error).toMatch(/sample, temperature: not a valid value/)
  })

  it('chooses the token that nextToken of @cola/lora chooses', () => {
    const stream = random(11, 'next-token')
    const options = [
      {},
      { temperature: 0.3 },
      { temperature: 2, top_k: 5 },
      { top_p: 0.7 },
      { min_p: 0.2 },
      { temperature: 1.5, top_k: 9, top_p: 0.8, min_p: 0.05, repetition_penalty: 1.4 },
    ]
    const cases = options.flatMap((one) =>
      Array.from({ length: 40 }, () => ({
        options: one,
        logits: Array.from({ length: 30 }, () => Math.fround(3 * stream.normal())),
        text: Array.from({ length: 4 }, () => stream.integer(30)),
        draw: stream.uniform(),
      })),
    )
    const code = `import json, sys, numpy as np
from cola_ray.next_token import Sampling, next_token
print(json.dumps([next_token(np.array(one["logits"], np.float32), one["text"], Sampling(**one["options"]),
                             lambda: one["draw"]) for one in json.load(sys.stdin)]))`
    const found = execFileSync(python, ['-c', code], { input: JSON.stringify(cases), env: environmentVariables })
    expect(JSON.parse(String(found))).toEqual(
      cases.map(({ options: one, logits, text, draw }) =>
        nextToken(Float32Array.from(logits), { ...one, do_sample: true }, { uniform: () => draw } as never, text),
      ),
    )
  })
})
