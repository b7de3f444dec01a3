// One training step of GPT-2 with LoRA (forward, backward, optimizer) against a lone MatMul of the runtime in the same
// process.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodeRows, packRows, random, readColaFolder, readTokenizer, type TokenRow } from '@cola/data'
import { countParameters, gpt2, gpt2Shapes, lora, parseGpt2Config, randomGpt2 } from '@cola/lora'
import { adam, crossEntropy, type Device, type FrozenProducts, generateArtifacts, TrainingSession } from '@cola/train'
import { reportLora } from '../../examples/support/report/lora-config.ts'
import { idle, matMulBench, median } from './measure.ts'

export async function gpt2LoraBench(args: string[]): Promise<Record<string, unknown>> {
  const { values: options } = parseArgs({
    args,
    options: {
      model: { type: 'string', default: 'gpt2' },
      batch: { type: 'string', default: '128' },
      tokens: { type: 'string', default: '12' },
      cola: { type: 'string' },
      tokenizer: { type: 'string', default: fileURLToPath(new URL('../../../shared/data/gpt2', import.meta.url)) },
      steps: { type: 'string', default: '5' },
      device: { type: 'string', default: 'cpu' },
      'frozen-products': { type: 'string', default: 'float32' },
      seed: { type: 'string', default: '1' },
      json: { type: 'boolean', default: false },
    },
  })
  const [batchSize, tokens, steps, seed] = [options.batch, options.tokens, options.steps, options.seed].map(Number) as [
    number,
    number,
    number,
    number,
  ]
  const config = parseGpt2Config(
    JSON.parse(readFileSync(new URL(`configs/${options.model}.json`, import.meta.url), 'utf8')),
  )
  const model = lora(gpt2(config, randomGpt2(config)), reportLora)
  const session = await TrainingSession.create({
    artifacts: generateArtifacts(model, {
      loss: crossEntropy(),
      optimizer: adam(),
      frozenProducts: options['frozen-products'] as FrozenProducts,
    }),
    device: options.device as Device,
  })
  const rows = options.cola ? await colaRows(options.cola, options.tokenizer) : undefined
  const batchAt = (step: number): TokenRow[] => {
    const stream = random(seed, 'bench', step)
    if (rows) return Array.from({ length: batchSize }, () => stream.pick(rows))
    return Array.from({ length: batchSize }, () => ({
      input_ids: Array.from({ length: tokens }, () => stream.integer(config.vocab_size)),
      label: stream.integer(2),
    }))
  }

  const times: number[] = []
  const matmuls: number[] = []
  const counts: number[] = []
  let cold_start_s = 0
  const matmul = await matMulBench(session.device)
  for (let step = 0; step <= steps; step++) {
    const batch = batchAt(step)
    if (step > 0) await idle()
    const started = performance.now()
    session.lazyResetGrad()
    await session.runTrainStep(packRows(batch))
    await session.runOptimizerStep({ learningRate: 1e-3 })
    if (step === 0) cold_start_s = process.uptime()
    else {
      times.push(performance.now() - started)
      counts.push(batch.reduce((sum, row) => sum + row.input_ids.length, 0))
      await idle()
      matmuls.push(await matmul.run())
    }
  }
  await matmul.release()
  await session.release()
  const { total, trainable } = countParameters(model)
  const seconds = median(times) / 1000
  const realTokens = counts.reduce((a, b) => a + b, 0) / counts.length
  const gflops = (4 * matrixParameters(config) * realTokens) / seconds / 1e9
  const matmul_gflops = median(matmuls)
  return {
    model: options.model,
    device: session.device,
    frozen_products: options['frozen-products'],
    ms_per_step: 1000 * seconds,
    tokens_per_second: realTokens / seconds,
    gflops,
    matmul_gflops,
    matmul_ratio: gflops / matmul_gflops,
    cold_start_s,
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    total_parameters: total,
    trainable_parameters: trainable,
    real_tokens: realTokens,
  }
}

/** Elements of the matrices of all blocks; embeddings are looked up, not multiplied. */
function matrixParameters(config: Parameters<typeof gpt2Shapes>[0]): number {
  return [...gpt2Shapes(config, 'classification')]
    .filter(([name, dims]) => /\.(c_attn|c_proj|c_fc)\.weight$/.test(name) && dims.length === 2)
    .reduce((sum, [, dims]) => sum + dims.reduce((a, b) => a * b, 1), 0)
}

async function colaRows(folder: string, tokenizer: string): Promise<TokenRow[]> {
  const { in_domain_train } = await readColaFolder(folder)
  return encodeRows(await readTokenizer(tokenizer), in_domain_train, { max_length: 1024 }).rows
}
