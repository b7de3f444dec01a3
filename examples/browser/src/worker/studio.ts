// What the page asks for: one open model, its adapters, the run that is under way, and the student of an adapter.

import { argMax, DataError, softmax } from '@cola/data'
import type { DistilledStudent } from '@cola/distill'
import { DeviceError } from '@cola/train'
import type { CallName, Calls, Mistakes, ModelChoice, OpenRun, RunRequest, Told } from '../messages.ts'
import { adapterFolder, dropAdapter, keptAdapters, type Kept, readKept, summaryOf, writeOrigin } from './adapters.ts'
import { chosenDevice, type DeviceReport, deviceReport, productsOf } from './device.ts'
import { createJobs } from './jobs.ts'
import { keeping, type OpenModel, openModel } from './models.ts'
import { forgetRun, keptRun, rememberRun, runFolder, sameRun } from './runs.ts'
import { openServing, type Serving } from './serving.ts'
import { planOf, splitOf, trainAdapter } from './training.ts'

export type Handlers = { [Name in CallName]: (ask: Calls[Name]['ask']) => Promise<Calls[Name]['answer']> }

/** @param tell Sends what was not asked for. */
export function createStudio(tell: (told: Told) => void): Handlers {
  const jobs = createJobs()
  let model: OpenModel | undefined
  let kept = new Map<string, Kept>()
  let serving: Promise<Serving> | undefined
  let student: { adapter: string; model: DistilledStudent } | undefined
  let stop: AbortController | undefined
  let device: DeviceReport['device'] = 'wasm'
  let warned = false

  const requireModel = (): OpenModel => model ?? refuse('no model is open', 'Open one first.')
  const requireKept = (name: string): Kept => kept.get(name) ?? refuse(`no adapter "${name}"`, 'Train it, or load it.')
  /** Storage that is full or refused is told once: work goes on in memory. */
  const onStorageFailure = (error: Error) => {
    if (warned) return
    warned = true
    tell({ event: 'storage', error: { name: 'StorageFailed', message: `${error.name}: ${error.message}` } })
  }
  const report = async () => tell({ event: 'device', report: await deviceReport(device) })

  const closeServing = async () => {
    const open = serving
    serving = undefined
    await open?.then(({ release }) => release()).catch(() => undefined)
  }
  const serve = async (): Promise<Serving> => {
    serving ??= openServing(requireModel().base, [...kept.values()], device)
    serving.catch(() => {
      serving = undefined
    })
    return serving
  }
  /** Asks the session; the processor's, where graphics that were lost do not come back. */
  const served = async <Result>(ask: (open: Serving) => Promise<Result>): Promise<Result> => {
    try {
      return await ask(await serve())
    } catch (error) {
      if (device === 'wasm' || !(error instanceof DeviceError)) throw error
      await closeServing()
      device = 'wasm'
      tell({ event: 'replaced' })
      void report()
      return ask(await serve())
    }
  }
  const logitsOf: Serving['logits'] = (...asked) => served(({ logits }) => logits(...asked))
  const releaseStudent = async () => {
    const open = student
    student = undefined
    await open?.model.release()
  }

  /** How a reloaded page opens the model: a picked folder's is copied. */
  const reopened = async ({ choice, name, picked }: OpenModel): Promise<ModelChoice> => {
    if (!picked) return choice
    try {
      return await (await keeping()).keepModel(name, picked.digest, picked.files)
    } catch (error) {
      onStorageFailure(error as Error)
      return choice
    }
  }

  const train = async (request: RunRequest): Promise<Calls['train']['answer']> => {
    const open = requireModel()
    // Two sessions hold its weights twice, and one on graphics that were lost keeps them from being opened again.
    await closeServing()
    const start = performance.now()
    const controller = new AbortController()
    stop = controller
    let run: OpenRun = { ...request, model: await reopened(open), step: 0, total_steps: 0, frozenProducts: 'float32' }
    const last = await sameRun(run)
    // Graphics have no products in eight bits.
    const wanted = last?.frozenProducts === 'int8' ? 'wasm' : request.settings.device
    device = await chosenDevice(wanted, open.base)
    run.frozenProducts = last?.frozenProducts ?? productsOf(device)
    if (!last) await forgetRun()
    const store = await runFolder(onStorageFailure)
    const remember = (progress: Partial<OpenRun>) => {
      run = { ...run, ...progress }
      return rememberRun(store, run)
    }
    await remember({ failed: false })
    void report()
    const control = { signal: controller.signal, between: jobs.between, tell, store, remember }
    const tuned = await trainAdapter(open, run, wanted, control).catch(async (error) => {
      await remember({ failed: error.name !== 'DeviceLostError' })
      throw error
    })
    // A device that was lost may have been replaced by another.
    device = await chosenDevice(wanted, open.base)
    const { training, labels, metrics } = tuned
    const { train: rows, validation } = splitOf(request)
    const origin = {
      labels: labels.map(String),
      train: rows,
      heldOut: validation,
      ...(metrics.accuracy === undefined ? {} : { accuracy: metrics.accuracy }),
    }
    const { name, files } = await adapterFolder(open.key, request.name, new Set(kept.keys()), onStorageFailure)
    await tuned.save(files)
    writeOrigin(files, origin, await tuned.adapted())
    await tuned.release()
    await files.flush?.()
    await forgetRun()
    const made = await readKept(name, files)
    kept.set(name, made)
    await closeServing()
    void report()
    return {
      adapter: summaryOf(made),
      stopped: training?.stopped ?? 'finished',
      best: validation.length ? training?.best?.epoch : undefined,
      seconds: (performance.now() - start) / 1000,
    }
  }

  const mistakes = async ({ adapter }: { adapter: string }): Promise<Mistakes> => {
    const { name, labels, heldOut, train: seen } = requireKept(adapter)
    const rows = heldOut.length ? heldOut : seen
    const logits = await logitsOf(
      name,
      rows.map(({ text }) => text),
    )
    return {
      labels,
      heldOut: heldOut.length > 0,
      rows: rows.map(({ text, label }, i) => {
        const values = logits[i] as number[]
        const answer = argMax(values)
        return { text, label: labels.indexOf(label), answer, probability: softmax(values)[answer] as number }
      }),
    }
  }

  return {
    device: () => deviceReport(device),
    sample: async (name) => (await import('./sample-rows.ts')).sampleRows[name](),
    table: async (ask) => (await import('./tables.ts')).readTable(ask),
    open: (choice) =>
      jobs.long(async () => {
        await closeServing()
        model = undefined
        const open = await openModel(choice, (file, loaded, total) => tell({ event: 'opening', file, loaded, total }))
        model = open
        kept = new Map((await keptAdapters(open.key, onStorageFailure)).map((one) => [one.name, one]))
        void report()
        return open.summary
      }),
    keptModel: async () => (await keeping()).keptModel(),
    plan: (request) => jobs.short(async () => planOf(requireModel(), request)),
    train: (request) =>
      jobs.long(async () => {
        await releaseStudent()
        try {
          return await train(request)
        } finally {
          stop = undefined
          jobs.pause(false)
        }
      }),
    interrupted: async () => {
      const run = await keptRun()
      return run?.failed ? undefined : run
    },
    forget: async () => {
      await forgetRun()
      return undefined
    },
    pause: async (paused) => {
      jobs.pause(paused)
      return undefined
    },
    stop: async () => {
      stop?.abort()
      jobs.pause(false)
      return undefined
    },
    sideBySide: ({ adapter, text }) =>
      jobs.short(async () => {
        const { name, labels, before } = requireKept(adapter)
        const answer = (logits: readonly number[]) => ({
          label: labels[argMax(logits)] as string,
          logits,
          probabilities: softmax(logits),
        })
        return served(async (open) => {
          const start = performance.now()
          const [after] = await open.logits(name, [text])
          const milliseconds = performance.now() - start
          const [first] = before ? await open.logits(name, [text], 'before') : []
          return { labels, before: first && answer(first), after: answer(after as number[]), milliseconds }
        })
      }),
    mistakes: (ask) => jobs.short(() => mistakes(ask)),
    distil: ({ adapter }) =>
      jobs.long(async () => {
        await releaseStudent()
        const [open, one] = [requireModel(), requireKept(adapter)]
        const { compare, trainStudent } = await import('./distilling.ts')
        const made = await trainStudent(open, one, logitsOf, { between: jobs.between, tell })
        student = { adapter, model: made }
        return compare(open, one, logitsOf, made)
      }),
    download: ({ kind, adapter }) =>
      jobs.short(async () => {
        const one = requireKept(adapter)
        const { zipFor } = await import('./downloads.ts')
        const made = student?.adapter === adapter ? student.model : undefined
        const blob = await zipFor(kind, { model: requireModel(), kept: one, student: made })
        return { name: `${one.name}-${kind}.zip`, blob }
      }),
    adapters: async () => [...kept.values()].map(summaryOf),
    addAdapter: (picked) =>
      jobs.short(async () => {
        const open = requireModel()
        const wanted = (picked[0]?.name ?? 'adapter').replace(/(-adapter)?\.\w+$/, '')
        const taken = new Set(kept.keys())
        const { name, files } = await adapterFolder(open.key, wanted, taken, onStorageFailure)
        try {
          const { copyPicked, withLabels } = await import('./added-adapter.ts')
          await copyPicked(picked, files)
          const added = withLabels(await readKept(name, files), open.base)
          // Whether it fits the model shows when it is loaded into it.
          await (await openServing(open.base, [added], device)).release()
          await closeServing()
          kept.set(name, added)
          return summaryOf(added)
        } catch (error) {
          await dropAdapter(open.key, name)
          throw error
        }
      }),
    dropAdapter: (name) =>
      jobs.short(async () => {
        kept.delete(name)
        await closeServing()
        await dropAdapter(requireModel().key, name)
        return undefined
      }),
  }
}

function refuse(what: string, fix: string): never {
  throw new DataError({ where: 'this page', what, fix })
}
