// One epoch of a student of 40.96M parameters (two layers of 768): on real CoLA sentences (--cola FOLDER), else on random ones of as
// many tokens.

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeRows, random, readColaFolder, readTokenizer, type TokenRow } from '@cola/data'
import { distillation } from '@cola/distill'
import { elementCount } from '@cola/graph'
import { createStudent, parseDistilRnnConfig } from '@cola/rnn'
import {
  adam,
  type Batch,
  configureRuntime,
  crossEntropy,
  type Device,
  generateArtifacts,
  TrainingSession,
} from '@cola/train'
import { reportStudent } from '../../examples/support/report/student.ts'
import { median, processorTime } from './measure.ts'

export async function rnnBench(args: string[]): Promise<Record<string, unknown>> {
  const { values: options } = parseArgs({
    args,
    options: {
      batch: { type: 'string', default: '128' },
      cola: { type: 'string' },
      tokenizer: { type: 'string', default: fileURLToPath(new URL('../../../shared/data/gpt2', import.meta.url)) },
      cell: { type: 'string', default: 'rnn' },
      bidirectional: { type: 'boolean', default: false },
      pooling: { type: 'string', default: 'last' },
      device: { type: 'string', default: 'cpu' },
      rows: { type: 'string', default: '8551' },
      threads: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  const [batchSize, seed] = [options.batch, options.seed].map(Number) as [number, number]
  if (options.threads) configureRuntime({ numThreads: Number(options.threads) })
  const all = options.cola ? await colaRows(options.cola, options.tokenizer) : randomRows(seed)
  const rows = all.slice(0, Number(options.rows))
  const { cell, pooling, bidirectional } = options
  const config = parseDistilRnnConfig({ ...reportStudent, vocab_size: 50257, cell, pooling, bidirectional })
  const student = createStudent({ config, sentences: rows.map(({ input_ids }) => input_ids), seed })
  const order = random(seed, 'bench').shuffle(rows)
  const batches = Array.from({ length: Math.ceil(rows.length / batchSize) }, (_, i) =>
    order.slice(i * batchSize, (i + 1) * batchSize),
  )

  /** Median and total time of the steps of an epoch, with and without a teacher's logits in the loss. */
  const measure = async (distil: boolean) => {
    const session = await TrainingSession.create({
      artifacts: generateArtifacts(student.model, {
        loss: distil ? distillation() : crossEntropy(),
        optimizer: adam(),
      }),
      device: options.device as Device,
    })
    const cpu: Record<'training' | 'optimizer', number[]> = { training: [], optimizer: [] }
    const run = async (batch: readonly TokenRow[]): Promise<number> => {
      const started = performance.now()
      session.lazyResetGrad()
      const inputs = batchOf(batch, distil)
      cpu.training.push(await processorTime(() => session.runTrainStep(inputs)))
      cpu.optimizer.push(await processorTime(() => session.runOptimizerStep({ learningRate: 1e-3 })))
      return performance.now() - started
    }
    const batchOf = (batch: readonly TokenRow[], teacher: boolean): Batch => ({
      ...student.collate(batch.map(({ input_ids }) => input_ids)),
      labels: { data: Int32Array.from(batch, ({ label }) => label), dims: [batch.length] },
      ...(teacher
        ? {
            teacher_logits: {
              data: Float32Array.from(batch.flatMap(({ label }) => [1 - 2 * label, 2 * label - 1])),
              dims: [batch.length, 2],
            },
          }
        : {}),
    })
    await run(batches[0] as TokenRow[])
    return { run, session, cpu }
  }
  const [plain, distilled] = [await measure(false), await measure(true)]
  const times: Record<'plain' | 'distilled', number[]> = { plain: [], distilled: [] }
  // Taken in turns, so that what else the machine does falls on both.
  for (const batch of batches) {
    times.plain.push(await plain.run(batch))
    times.distilled.push(await distilled.run(batch))
  }
  for (const { session } of [plain, distilled]) await session.release()
  const tokens = rows.reduce((sum, { input_ids }) => sum + input_ids.length, 0)
  const seconds = times.plain.reduce((a, b) => a + b, 0) / 1000
  return {
    cell,
    device: options.device,
    ms_per_step: median(times.plain),
    training_cpu_ms: median(plain.cpu.training),
    optimizer_cpu_ms: median(plain.cpu.optimizer),
    tokens_per_second: tokens / seconds,
    s_per_epoch: seconds,
    distillation_ratio: median(times.distilled) / median(times.plain),
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    parameters: [
      ...student
        .parameters(
          new Map(
            [...student.model.trainable].map((name) => [name, student.model.graph.initializers.get(name) as never]),
          ),
        )
        .values(),
    ].reduce((sum, { dims }) => sum + elementCount(dims), 0),
    real_tokens: tokens,
  }
}

async function colaRows(folder: string, tokenizer: string): Promise<TokenRow[]> {
  const { in_domain_train } = await readColaFolder(folder)
  return encodeRows(await readTokenizer(tokenizer), in_domain_train).rows
}

/** As many sentences as CoLA has, of 3 to 16 tokens, over as many different tokens. */
function randomRows(seed: number): TokenRow[] {
  const stream = random(seed, 'bench rows')
  return Array.from({ length: 8551 }, () => ({
    input_ids: Array.from({ length: 3 + stream.integer(14) }, () => stream.integer(6412)),
    label: stream.integer(2),
  }))
}
