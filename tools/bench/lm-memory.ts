// Peak memory and time of training steps of a language model, with all logits at once and with those of labels in
// pieces, each in a process of its own: a decoder of two layers with 49,152 words and random weights.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { ignoreIndex, packSentences, random } from '@cola/data'
import { gpt2, lora, nextTokenInputs, nextTokenLoss, parseGpt2Config, randomGpt2 } from '@cola/lora'
import { adamw, crossEntropy, type Device, generateArtifacts, TrainingSession } from '@cola/train'
import { inProcess, median } from './measure.ts'

const options = {
  vocabulary: { type: 'string', default: '49152' },
  width: { type: 'string', default: '576' },
  batch: { type: 'string', default: '8' },
  tokens: { type: 'string', default: '128' },
  /** Tokens at the end of each text that have labels. @default all but the first */
  labels: { type: 'string' },
  steps: { type: 'string', default: '4' },
  device: { type: 'string', default: 'cpu' },
  /** Set in the processes that this one starts. */
  loss: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

export async function lmMemoryBench(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args, options })
  if (values.loss) return measure(values as Settings)
  const results = ['whole', 'pieces'].map((loss) => {
    const numbers = inProcess('lm-memory', [...args, '--loss', loss])
    return Object.entries(numbers).map(([name, value]) => [`${name}_${loss}`, value])
  })
  return Object.fromEntries(results.flat())
}

type Settings = Record<'vocabulary' | 'width' | 'batch' | 'tokens' | 'steps' | 'device' | 'loss', string> & {
  labels?: string
}

async function measure(settings: Settings): Promise<Record<string, number>> {
  const [vocab_size, width, count, tokens] = [settings.vocabulary, settings.width, settings.batch, settings.tokens].map(
    Number,
  ) as [number, number, number, number]
  const labelled = Math.min(Number(settings.labels ?? tokens - 1), tokens - 1)
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 2,
    n_head: width / 64,
    n_embd: width,
    n_positions: tokens,
    vocab_size,
  })
  const model = gpt2(config, randomGpt2(config, { head: 'language-model' }), { head: 'language-model' })
  const adapted = lora(model, { task_type: 'CAUSAL_LM', r: 8, lora_alpha: 16 })
  const loss = settings.loss === 'whole' ? crossEntropy() : nextTokenLoss({ labels: count * labelled, vocab_size })
  const artifacts = generateArtifacts(adapted, { loss, optimizer: adamw() })
  const folder = mkdtempSync(join(tmpdir(), 'lm-memory-'))
  const session = await TrainingSession.create({ artifacts, device: settings.device as Device, folder })
  const stream = random(1, 'lm-memory')
  const times: number[] = []
  let last = 0
  for (let step = 0; step < Number(settings.steps); step++) {
    const texts = Array.from({ length: count }, () =>
      Array.from({ length: tokens }, () => Math.floor(stream.uniform() * vocab_size)),
    )
    const batch = packSentences(texts)
    const labels = texts.flatMap((text, row) =>
      text.slice(tokens - labelled).map((label, i) => ({
        label,
        place: (batch.last_token.data[row] as number) - labelled + i,
      })),
    )
    const all = new Int32Array(batch.input_ids.data.length).fill(ignoreIndex)
    for (const { label, place } of labels) all[place] = label
    const inputs =
      settings.loss === 'whole' ? { labels: { data: all, dims: [all.length] } } : nextTokenInputs(labels, [])
    const started = performance.now()
    session.lazyResetGrad()
    last = (await session.runTrainStep({ ...batch, ...inputs }, { outputs: false })).loss
    await session.runOptimizerStep({ learningRate: 1e-4 })
    times.push(performance.now() - started)
  }
  await session.release()
  rmSync(folder, { recursive: true })
  return { ms_per_step: median(times.slice(1)), peak_rss_mb: process.resourceUsage().maxRSS / 1024, loss: last }
}
