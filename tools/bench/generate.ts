// Tokens a second that a decoder generates with its cache, greedily and sampled, beside transformers.js on the same file
// in the same run, by the clock and by the processor's time: other programs slow the clock, and the second less.
//
// A file: python -m onnxruntime_genai.models.builder -p fp32 -e cpu -i CHECKPOINT -o OUT -c CACHE; transformers.js wants
// the last axis of its cache to be a number (head_dim), and the file as onnx/model.onnx beside config.json.

import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { random } from '@cola/data'
import { createGenerator, openBase, type SampleOptions } from '@cola/lora'
import { configureRuntime, type Device } from '@cola/train'
import { median } from './measure.ts'

const options = {
  /** A folder with onnx/model.onnx, config.json and a tokenizer. */
  model: { type: 'string' },
  /** A folder in which @huggingface/transformers is installed. */
  transformers: { type: 'string' },
  batches: { type: 'string', default: '1,32' },
  modes: { type: 'string', default: 'greedy,sampled,top_k,top_p,min_p,repetition_penalty' },
  prompt: { type: 'string', default: '16' },
  tokens: { type: 'string', default: '32' },
  repeats: { type: 'string', default: '3' },
  device: { type: 'string', default: 'cpu' },
  /** Of products with matrices in 4 bits; transformers.js takes the file's. */
  'accuracy-level': { type: 'string', default: '0' },
  /** Threads of each program's session. */
  threads: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const

/**
 * How tokens are chosen, with the option names that both programs have; transformers.js samples from all tokens where it
 * does not know an option.
 */
const modes: Readonly<Record<string, SampleOptions>> = {
  greedy: { do_sample: false },
  sampled: { do_sample: true, temperature: 1, top_k: 0 },
  top_k: { do_sample: true, temperature: 1, top_k: 50 },
  top_p: { do_sample: true, temperature: 1, top_k: 0, top_p: 0.9 },
  min_p: { do_sample: true, temperature: 1, top_k: 0, min_p: 0.05 },
  repetition_penalty: { do_sample: false, repetition_penalty: 1.1 },
}

/** Generates `tokens` for each prompt. */
type Generate = (prompts: readonly (readonly number[])[], tokens: number, mode: SampleOptions) => Promise<void>

interface Program {
  readonly generate: Generate
  readonly release: () => Promise<void>
}

export async function generateBench(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args, options })
  if (!values.model) throw new Error('usage: npm run bench -- generate --model FOLDER [--transformers FOLDER]')
  const [length, tokens, repeats] = [values.prompt, values.tokens, values.repeats].map(Number) as [
    number,
    number,
    number,
  ]
  if (values.threads) configureRuntime({ numThreads: Number(values.threads) })
  const programs: Record<string, Program> = {
    cola: await ours(values.model, values.device as Device, Number(values['accuracy-level']) as 0 | 4),
    ...(values.transformers
      ? { transformers_js: await theirs(values.model, values.transformers, values.threads) }
      : {}),
  }
  const result: Record<string, unknown> = { model: values.model, prompt: length, tokens }
  for (const mode of values.modes.split(','))
    for (const batch of values.batches.split(',').map(Number)) {
      const sampling = modes[mode]
      if (!sampling) throw new Error(`--modes: ${mode}; expected ${Object.keys(modes).join(', ')}`)
      const stream = random(1, 'generate')
      const prompts = Array.from({ length: batch }, () => Array.from({ length }, () => 3 + stream.integer(30)))
      const times = new Map(Object.keys(programs).map((name) => [name, { clock: [] as number[], cpu: [] as number[] }]))
      // The programs take turns, so that what else the machine does slows both.
      for (let repeat = 0; repeat <= repeats; repeat++)
        for (const [name, { generate }] of Object.entries(programs)) {
          const [started, used] = [performance.now(), process.cpuUsage()]
          await generate(prompts, tokens, sampling)
          const { user, system } = process.cpuUsage(used)
          // The first one warms up.
          if (repeat === 0) continue
          times.get(name)?.clock.push(performance.now() - started)
          times.get(name)?.cpu.push((user + system) / 1000)
        }
      for (const [name, { clock, cpu }] of times) {
        result[`${name}_${mode}_tokens_per_s_${batch}`] = (1000 * batch * tokens) / median(clock)
        result[`${name}_${mode}_cpu_ms_per_token_${batch}`] = Math.min(...cpu) / (batch * tokens)
      }
    }
  for (const { release } of Object.values(programs)) await release()
  return result
}

async function ours(model: string, device: Device, accuracy_level: 0 | 4): Promise<Program> {
  const base = await openBase(model)
  const cached = base.cachedLanguageModel()
  if (!cached) throw new Error(`${model}: its file has no cache`)
  const generator = await createGenerator(cached, { config: base.config, device, accuracy_level })
  return {
    generate: async (prompts, max_new_tokens, mode) => {
      await generator.generate(prompts, { max_new_tokens, eos_token_id: [], ...mode })
    },
    release: generator.release,
  }
}

/** What is used of transformers.js. */
interface TransformersJs {
  env: { allowRemoteModels: boolean; localModelPath: string }
  Tensor: new (type: string, data: BigInt64Array, dims: number[]) => object
  AutoModelForCausalLM: {
    from_pretrained: (
      name: string,
      options: object,
    ) => Promise<{
      generate: (options: object) => Promise<unknown>
      dispose: () => Promise<unknown>
    }>
  }
}

async function theirs(model: string, installed: string, threads: string | undefined): Promise<Program> {
  const path = createRequire(join(resolve(installed), 'package.json')).resolve('@huggingface/transformers')
  const { env, Tensor, AutoModelForCausalLM } = (await import(pathToFileURL(path).href)) as TransformersJs
  env.allowRemoteModels = false
  env.localModelPath = dirname(resolve(model))
  const decoder = await AutoModelForCausalLM.from_pretrained(basename(resolve(model)), {
    dtype: 'fp32',
    session_options: threads ? { intraOpNumThreads: Number(threads) } : {},
  })
  const int64 = (rows: readonly (readonly number[])[]) =>
    new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0])
  return {
    generate: async (prompts, max_new_tokens, mode) => {
      const limits = { max_new_tokens, min_new_tokens: max_new_tokens, ...mode }
      const attention_mask = int64(prompts.map((row) => row.map(() => 1)))
      await decoder.generate({ inputs: int64(prompts), attention_mask, ...limits })
    },
    release: async () => {
      await decoder.dispose()
    },
  }
}
