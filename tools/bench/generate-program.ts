// A program that generates, in a process of its own: generate.ts starts it, with its settings as JSON, and asks it for
// turns. What a program leaves to be collected is then collected at its own cost.

import { createRequire } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createGenerator, openBase, type SampleOptions } from '@cola/lora'
import { configureRuntime, type Device } from '@cola/train'
import { processorTime } from './measure.ts'

/** How a program opens its model. */
export interface ProgramSettings {
  readonly program: ProgramName
  readonly model: string
  /** A folder in which @huggingface/transformers is installed. */
  readonly transformers?: string | undefined
  readonly threads?: number | undefined
  readonly device: Device
  readonly accuracy_level: 0 | 4
}

/** Texts to continue by so many tokens each, and how tokens are chosen. */
export interface Turn {
  readonly prompts: readonly (readonly number[])[]
  readonly tokens: number
  readonly mode: SampleOptions
}

/** The new tokens, the time by the clock, and the processor's, in milliseconds. */
export interface TurnResult {
  readonly ids: readonly (readonly number[])[]
  readonly clock: number
  readonly cpu: number
}

type Generate = (turn: Turn) => Promise<number[][]>

async function cola({ model, device, accuracy_level, threads }: ProgramSettings): Promise<Generate> {
  if (threads) configureRuntime({ numThreads: threads })
  const base = await openBase(model)
  const cached = base.cachedLanguageModel()
  if (!cached) throw new Error(`${model}: its file has no cache`)
  const generator = await createGenerator(cached, { config: base.config, device, accuracy_level })
  return ({ prompts, tokens, mode }) =>
    generator.generate(prompts, { max_new_tokens: tokens, eos_token_id: [], ...mode })
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
      generate: (options: object) => Promise<{ tolist: () => bigint[][] }>
    }>
  }
}

async function transformersJs({ model, transformers = '', threads }: ProgramSettings): Promise<Generate> {
  const path = createRequire(join(resolve(transformers), 'package.json')).resolve('@huggingface/transformers')
  const { env, Tensor, AutoModelForCausalLM } = (await import(pathToFileURL(path).href)) as TransformersJs
  env.allowRemoteModels = false
  env.localModelPath = dirname(resolve(model))
  const decoder = await AutoModelForCausalLM.from_pretrained(basename(resolve(model)), {
    dtype: 'fp32',
    session_options: threads ? { intraOpNumThreads: threads } : {},
  })
  const int64 = (rows: readonly (readonly number[])[]) =>
    new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0])
  return async ({ prompts, tokens, mode }) => {
    const attention_mask = int64(prompts.map((row) => row.map(() => 1)))
    // Without an end token, as above: a least number of tokens would forbid the end token, and give other texts.
    const limits = { max_new_tokens: tokens, eos_token_id: null, ...mode }
    const texts = await decoder.generate({ inputs: int64(prompts), attention_mask, ...limits })
    return texts.tolist().map((text, row) => text.slice(prompts[row]?.length).map(Number))
  }
}

const programs = { cola, transformers_js: transformersJs }
export type ProgramName = keyof typeof programs

if (process.send) {
  const settings = JSON.parse(process.argv[2] as string) as ProgramSettings
  const generate = await programs[settings.program](settings)
  process.on('message', async (turn: Turn) => {
    const started = performance.now()
    let ids: number[][] = []
    const cpu = await processorTime(async () => {
      ids = await generate(turn)
    })
    process.send?.({ ids, clock: performance.now() - started, cpu } satisfies TurnResult)
  })
  process.on('disconnect', () => process.exit())
}
