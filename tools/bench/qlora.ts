// Peak memory and time of training steps on a base in float32, in 8 and in 4 bits, each in a process of its own.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { random } from '@cola/data'
import { lora, openBase, withHead } from '@cola/lora'
import { adamw, crossEntropy, type Device, generateArtifacts, TrainingSession } from '@cola/train'
import { inProcess, median, processorTime } from './measure.ts'

const options = {
  model: { type: 'string' },
  batch: { type: 'string', default: '4' },
  tokens: { type: 'string', default: '32' },
  rank: { type: 'string', default: '8' },
  steps: { type: 'string', default: '6' },
  device: { type: 'string', default: 'cpu' },
  /** Recompute activations for the quantized bases; float32 trains as it does by default. */
  'gradient-checkpointing': { type: 'boolean', default: false },
  /** Set in the processes that this one starts. */
  bits: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

export async function qloraBench(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args, options })
  if (!values.model) throw new Error('usage: npm run bench -- qlora --model FOLDER')
  if (values.bits) return measure(values as Settings)
  const results = Object.fromEntries(
    ['32', '8', '4'].map((bits) => [bits, inProcess('qlora', [...args, '--bits', bits])]),
  )
  const peak = (bits: string): number => results[bits]?.peak_rss_mb as number
  return {
    model: values.model,
    batch: Number(values.batch),
    tokens: Number(values.tokens),
    ...Object.fromEntries(
      Object.entries(results).flatMap(([bits, result]) =>
        Object.entries(result).map(([name, value]) => [`${name}_${bits}`, value]),
      ),
    ),
    peak_of_float32_8: peak('8') / peak('32'),
    peak_of_float32_4: peak('4') / peak('32'),
  }
}

type Settings = Record<'model' | 'batch' | 'tokens' | 'rank' | 'steps' | 'device' | 'bits', string> & {
  'gradient-checkpointing': boolean
}

async function measure(settings: Settings): Promise<Record<string, number>> {
  const { model, batch, tokens, rank, steps, device, bits } = settings
  const gradientCheckpointing = bits !== '32' && settings['gradient-checkpointing']
  const base = await openBase(
    model,
    bits === '32' ? {} : { quantization: { bits: Number(bits) as 4 | 8, block_size: 32 } },
  )
  const headed = withHead(base.hiddenStates(), { num_labels: 2, pooling: base.causal ? 'last' : 'mean', name: 'score' })
  const adapted = lora(headed, { task_type: 'SEQ_CLS', r: Number(rank), lora_alpha: 16, target_modules: 'all-linear' })
  const artifacts = generateArtifacts(adapted, {
    loss: crossEntropy(),
    optimizer: adamw(),
    gradientCheckpointing,
  })
  const folder = mkdtempSync(join(tmpdir(), 'qlora-'))
  const session = await TrainingSession.create({ artifacts, device: device as Device, folder })
  const stream = random(1, 'qlora')
  const collate = base.batches(adapted.graph)
  const [times, cpu]: [number[], number[]] = [[], []]
  let loss = 0
  for (let step = 0; step < Number(steps); step++) {
    const rows = Array.from({ length: Number(batch) }, () => ({
      input_ids: Array.from({ length: Number(tokens) }, () => Math.floor(stream.uniform() * base.vocab_size)),
    }))
    const labels = { data: Int32Array.from(rows, (_, i) => i % 2), dims: [rows.length] }
    const started = performance.now()
    const used = await processorTime(async () => {
      session.lazyResetGrad()
      loss = (await session.runTrainStep({ ...collate(rows).batch, labels })).loss
      await session.runOptimizerStep({ learningRate: 1e-4 })
    })
    times.push(performance.now() - started)
    cpu.push(used)
  }
  await session.release()
  rmSync(folder, { recursive: true })
  return {
    ms_per_step: median(times.slice(1)),
    // Other programs slow the clock more than they do this.
    cpu_ms_per_step: Math.min(...cpu.slice(1)),
    peak_rss_mb: process.resourceUsage().maxRSS / 1024,
    loss,
  }
}
