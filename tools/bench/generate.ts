// Tokens a second that a decoder generates with its cache, greedily and sampled, beside transformers.js on the same file
// in the same run, by the clock and by the processor's time: other programs slow the clock, and the second less.
//
// A file: python -m onnxruntime_genai.models.builder -p fp32 -e cpu -i CHECKPOINT -o OUT -c CACHE; transformers.js wants
// the last axis of its cache to be a number (head_dim), and the file as onnx/model.onnx beside config.json.

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { random } from '@cola/data'
import type { SampleOptions } from '@cola/lora'
import type { Device } from '@cola/train'
import type { ProgramName, ProgramSettings, Turn, TurnResult } from './generate-program.ts'
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

export async function generateBench(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({ args, options })
  if (!values.model) throw new Error('usage: npm run bench -- generate --model FOLDER [--transformers FOLDER]')
  const [length, tokens, repeats] = [values.prompt, values.tokens, values.repeats].map(Number) as [
    number,
    number,
    number,
  ]
  const settings = {
    model: values.model,
    transformers: values.transformers,
    threads: values.threads ? Number(values.threads) : undefined,
    device: values.device as Device,
    accuracy_level: Number(values['accuracy-level']) as 0 | 4,
  }
  const names: ProgramName[] = values.transformers ? ['cola', 'transformers_js'] : ['cola']
  const programs = names.map((program) => ({ program, process: started({ program, ...settings }) }))
  const result: Record<string, unknown> = { model: values.model, prompt: length, tokens }
  for (const mode of values.modes.split(','))
    for (const batch of values.batches.split(',').map(Number)) {
      const sampling = modes[mode]
      if (!sampling) throw new Error(`--modes: ${mode}; expected ${Object.keys(modes).join(', ')}`)
      const stream = random(1, 'generate')
      const prompts = Array.from({ length: batch }, () => Array.from({ length }, () => 3 + stream.integer(30)))
      const turn = { prompts, tokens, mode: sampling }
      const turns = new Map(names.map((name) => [name, [] as TurnResult[]]))
      // The programs take turns, so that what else the machine does slows both; the first one warms up.
      for (let repeat = 0; repeat <= repeats; repeat++)
        for (const { program, process } of programs) {
          const done = await take(process, turn)
          if (repeat > 0) turns.get(program)?.push(done)
        }
      const cpu = (of: ProgramName): number => median(turns.get(of)?.map((one) => one.cpu) ?? [])
      for (const [name, done] of turns) {
        result[`${name}_${mode}_tokens_per_s_${batch}`] =
          (1000 * batch * tokens) / median(done.map(({ clock }) => clock))
        result[`${name}_${mode}_cpu_ms_per_token_${batch}`] = cpu(name) / (batch * tokens)
      }
      if (names.length === 1) continue
      result[`ratio_${mode}_${batch}`] = cpu('transformers_js') / cpu('cola')
      if (!sampling.do_sample) result[`same_tokens_${mode}_${batch}`] = sameShare(...turns.values())
    }
  for (const { process } of programs) process.disconnect()
  return result
}

/** Starts a program; it takes its first turn when its model is open. */
const started = (settings: ProgramSettings): ChildProcess =>
  fork(join(import.meta.dirname, 'generate-program.ts'), [JSON.stringify(settings)], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })

/** @throws {Error} when the program ends, or gives another number of tokens than it was asked for. */
async function take(program: ChildProcess, turn: Turn): Promise<TurnResult> {
  const listening = new AbortController()
  const next = ['message', 'exit'].map((event) => once(program, event, listening))
  program.send(turn)
  const [result] = (await Promise.race(next)) as [TurnResult | number]
  // The other one's promise is refused.
  Promise.allSettled(next)
  listening.abort()
  if (typeof result !== 'object') throw new Error(`a program ended with code ${result}`)
  const odd = result.ids.find(({ length }) => length !== turn.tokens)
  if (odd) throw new Error(`a program gave ${odd.length} tokens in place of ${turn.tokens}`)
  return result
}

/** Share of the tokens of two programs that are the same, in their first turn. */
function sameShare(...turns: readonly (readonly TurnResult[])[]): number {
  const [ours = [], theirs = []] = turns.map(([first]) => first?.ids.flat() ?? [])
  return ours.filter((id, i) => id === theirs[i]).length / ours.length
}
