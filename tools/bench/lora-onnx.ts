// Training steps of a pretrained ONNX model with LoRA on CoLA: batches of like length, from the shortest to the longest
// sentences.

import { parseArgs } from 'node:util'
import { encodeRows, readColaFolder } from '@cola/data'
import { countParameters, inspect, lora, openBase, withHead } from '@cola/lora'
import { adamw, crossEntropy, type Device, type FrozenProducts, generateArtifacts, TrainingSession } from '@cola/train'
import { matMulBench, median } from './measure.ts'

export async function loraOnnxBench(args: string[]): Promise<Record<string, unknown>> {
  const { values: options } = parseArgs({
    args,
    options: {
      model: { type: 'string' },
      cola: { type: 'string' },
      batch: { type: 'string', default: '32' },
      rank: { type: 'string', default: '8' },
      dropout: { type: 'string', default: '0' },
      'train-too': { type: 'string' },
      'frozen-products': { type: 'string', default: 'float32' },
      steps: { type: 'string', default: '12' },
      device: { type: 'string', default: 'cpu' },
      json: { type: 'boolean', default: false },
    },
  })
  if (!options.model || !options.cola) throw new Error('usage: npm run bench -- lora-onnx --model FOLDER --cola FOLDER')
  const [batchSize, steps] = [options.batch, options.steps].map(Number) as [number, number]
  const base = await openBase(options.model)
  const headed = withHead(base.hiddenStates(), {
    num_labels: 2,
    pooling: base.causal ? 'last' : 'mean',
    name: base.causal ? 'score' : 'classifier',
    bias: !base.causal,
  })
  const model = lora(headed, {
    task_type: 'SEQ_CLS',
    r: Number(options.rank),
    lora_alpha: 16,
    lora_dropout: Number(options.dropout),
    target_modules: 'all-linear',
    modules_to_save: options['train-too']?.split(',') ?? [],
  })
  const session = await TrainingSession.create({
    artifacts: generateArtifacts(model, {
      loss: crossEntropy(),
      optimizer: adamw({ weight_decay: 0.01, max_grad_norm: 1 }),
      frozenProducts: options['frozen-products'] as FrozenProducts,
    }),
    device: options.device as Device,
  })
  const { in_domain_train } = await readColaFolder(options.cola)
  const limits = { max_length: base.max_length, vocab_size: base.vocab_size }
  const batches = byLength(encodeRows(base.tokenizer, in_domain_train, limits).rows, batchSize)
  const collate = base.batches(model.graph)
  const matmuls = await matMulRates(session.device)
  const tokensOf = (batch: (typeof batches)[number]) => batch.reduce((sum, { input_ids }) => sum + input_ids.length, 0)
  const sampled = Array.from(
    { length: steps },
    (_, i) => batches[Math.floor(((i + 0.5) * batches.length) / steps)] as (typeof batches)[number],
  )
  let [milliseconds, tokens] = [0, 0]
  // Once unmeasured: the runtime's arena grows until it has held every size.
  for (const measured of [false, true])
    for (const batch of sampled) {
      const started = performance.now()
      const labels = { data: Int32Array.from(batch, ({ label }) => label), dims: [batch.length] }
      session.lazyResetGrad()
      await session.runTrainStep({ ...collate(batch).batch, labels })
      await session.runOptimizerStep({ learningRate: 1e-4 })
      if (!measured) continue
      milliseconds += performance.now() - started
      tokens += tokensOf(batch)
    }
  await session.release()
  matmuls.push(...(await matMulRates(session.device)))
  const epochTokens = batches.reduce((sum, batch) => sum + tokensOf(batch), 0)
  const linear = inspect(headed).filter(({ kind }) => kind === 'linear')
  const matrices = linear.reduce((sum, { inFeatures, outFeatures }) => sum + inFeatures * outFeatures, 0)
  const gflops = (4 * matrices * tokens) / milliseconds / 1e6
  return {
    model: options.model,
    device: session.device,
    frozen_products: options['frozen-products'],
    ms_per_step: milliseconds / steps,
    tokens_per_second: (1000 * tokens) / milliseconds,
    epoch_s: (milliseconds * epochTokens) / tokens / 1000,
    gflops,
    matmul_gflops: median(matmuls),
    matmul_ratio: gflops / median(matmuls),
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    nodes: model.graph.nodes.length,
    ...countParameters(model),
  }
}

/** Batches of rows of like length, so that little is padded. */
function byLength<Row extends { input_ids: readonly number[] }>(rows: readonly Row[], size: number): Row[][] {
  const sorted = [...rows].sort((a, b) => a.input_ids.length - b.input_ids.length)
  return Array.from({ length: Math.ceil(sorted.length / size) }, (_, i) => sorted.slice(i * size, (i + 1) * size))
}

/** Before and after the steps, not between them: its session's threads still spin for a while when it has run. */
async function matMulRates(device: Exclude<Device, 'auto'>): Promise<number[]> {
  const matmul = await matMulBench(device)
  const rates = [await matmul.run(), await matmul.run()]
  await matmul.release()
  return rates
}
