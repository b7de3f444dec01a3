// A language model with several voices: each is trained in seconds, and each text chooses its own.

import { DataError, type Files, type MemorySink, memorySink, zipOf } from '@cola/data'
import { type BaseModel, fineTune, type Generator, openGenerator } from '@cola/lora'
import { freeName } from '../../worker/adapters.ts'
import { copyPicked } from '../../worker/added-adapter.ts'
import { openModel } from '../../worker/models.ts'
import type { Calls, How, OpenedModel, Said, Told, Voice } from '../messages.ts'
import { createShared } from './shared.ts'

type Handlers = { [Name in keyof Calls]: (ask: Calls[Name]['ask']) => Promise<Calls[Name]['answer']> }

/** What ends a text; the embedded model's tokenizer has no end token of its own. */
const eos_token = '[CLS]'
const lora = { r: 8, lora_alpha: 16, target_modules: 'all-linear' } as const
const rate = { batch_size: 8, learning_rate: 1e-2, seed: 1 } as const
const tensorsFile = 'adapter_model.safetensors'

/** @param tell Sends what was not asked for. */
export function createVoices(tell: (told: Told) => void): Handlers {
  const voices = new Map<string, MemorySink>()
  const stops = new Map<number, AbortController>()
  let model: ReturnType<typeof openModel> | undefined
  let times = 0

  const opened = (): ReturnType<typeof openModel> => {
    model ??= openModel({ kind: 'embedded' }, () => {})
    model.catch(() => {
      model = undefined
    })
    return model
  }
  const base = async (): Promise<BaseModel> => (await opened()).base
  /** One session for all voices. */
  const openWith = async (adapters: ReadonlyMap<string, Files>): Promise<Generator> => {
    const generator = await openGenerator(await base(), { adapters: Object.fromEntries(adapters) })
    tell({ event: 'opened', voices: generator.adapters, times: ++times })
    return generator
  }
  const shared = createShared(() => openWith(voices))

  /** Runs work that `stop` ends by its number. */
  const stoppable = async <Result>(id: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> => {
    const controller = new AbortController()
    stops.set(id, controller)
    try {
      return await work(controller.signal)
    } finally {
      stops.delete(id)
    }
  }

  const learn = async ({ id, texts, epochs }: Calls['learn']['ask'], signal: AbortSignal): Promise<MemorySink> => {
    let total = 1
    const tuned = await fineTune(await base(), {
      task: 'CAUSAL_LM',
      train: texts.map((text) => ({ text })),
      eos_token,
      lora,
      epochs,
      ...rate,
      signal,
      callbacks: {
        onTrainBegin: ({ total_steps }) => {
          total = total_steps
        },
        onStep: ({ step, loss }) => tell({ event: 'step', id, share: step / total, loss }),
      },
    })
    const files = memorySink()
    await tuned.save(files)
    await tuned.release()
    return files
  }

  const say = async (
    generator: Generator,
    { id, text, voice, how }: { id: number; text: string; voice: string | undefined; how: How },
    signal: AbortSignal,
  ): Promise<Said> => {
    const ids: number[] = []
    let reason: Said['reason'] = 'stopped'
    const start = performance.now()
    const seconds = () => (performance.now() - start) / 1000
    const pieces = generator.stream(text, {
      ...(voice === undefined ? {} : { adapter: voice }),
      ...how,
      signal,
      onToken: (token) => ids.push(token),
      onFinish: (why) => {
        reason = why
      },
    })
    try {
      for await (const piece of pieces) tell({ event: 'piece', id, piece, tokens: ids.length, seconds: seconds() })
    } catch (error) {
      if (!signal.aborted) throw error
    }
    return { ids, seconds: seconds(), reason }
  }

  const keep = async (name: string, files: MemorySink): Promise<Voice> => {
    voices.set(name, files)
    await shared.change((generator) => generator.loadAdapter(name, files))
    return { name, bytes: files.size(tensorsFile) }
  }

  return {
    open: async () => summaryOf(await opened()),
    learn: (ask) => stoppable(ask.id, async (signal) => keep(ask.name, await learn(ask, signal))),
    say: (ask) => stoppable(ask.id, (signal) => shared.use((generator) => say(generator, ask, signal))),
    stop: async (id) => {
      stops.get(id)?.abort()
      return undefined
    },
    add: async (picked) => {
      const files = memorySink(picked.map(({ name }) => name).join(', '))
      await copyPicked(picked, files)
      const name = freeName(nameOf(picked), voices)
      // Whether it fits the model shows when it is loaded into it.
      await (await openGenerator(await base(), { adapters: { [name]: files } })).release()
      return keep(name, files)
    },
    download: async (name) => {
      const files = voices.get(name)
      if (!files) throw new DataError({ where: name, what: 'no voice of this name', fix: 'Train it, or load it.' })
      return { name: `${name}.zip`, blob: await zipOf(files, { prefix: name }) }
    },
  }
}

function summaryOf({ base, summary }: Awaited<ReturnType<typeof openModel>>): OpenedModel {
  const { model } = JSON.parse(new TextDecoder().decode(base.files.read('tokenizer.json'))) as {
    model: { vocab: Readonly<Record<string, number>> }
  }
  return { parameters: summary.parameters, words: Object.keys(model.vocab).filter((word) => /^[a-z]{2,}$/.test(word)) }
}

/** A zip's or folder's name. */
function nameOf([first]: readonly File[]): string {
  const folder = first?.webkitRelativePath.split('/')[0]
  const zip = first?.name.endsWith('.zip') ? first.name.slice(0, -'.zip'.length) : undefined
  return folder || zip || 'loaded'
}
