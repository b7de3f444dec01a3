// Runs in the browser: models that only answer, and the test's function that ends the GPU's process between answers.

import { addInput, build, createGraph } from '@cola/graph'
import { crossEntropy, type Device, openEvaluation, openResolved, OrtTensor, resolveDevice } from '../../src/index.ts'
import { probeGraph } from '../../src/runtime/probe-graph.ts'
import { measureByFastClock } from './fast-clock.ts'
import { collate, rows, tinyModel } from './tiny.ts'

/** The test's function: ends the GPU's process. */
declare const crashGpu: () => Promise<void>

const batch = collate(rows(4))

/** Losses of two models that are open at once: before a loss, after it by both at once, and after another. */
async function answer(device: Device): Promise<number[]> {
  const open = () => openEvaluation(tinyModel(), { loss: crossEntropy(), device })
  const models = [await open(), await open()]
  const ask = () => Promise.all(models.map(async (model) => (await model.runEvalStep(batch)).loss))
  try {
    const before = await ask()
    await crashGpu()
    const after = await ask()
    await crashGpu()
    return [...before, ...after, ...(await ask())]
  } finally {
    for (const model of models) await model.release()
  }
}

/** What a sum is after losses: of a run that reads the device's memory, of later ones; and what was warned of. */
async function sums(device: Device): Promise<string[]> {
  if (device === 'auto') await measureByFastClock(() => resolveDevice('auto', probeGraph()))
  const graph = createGraph('twice')
  const x = addInput(graph, 'x', 'float32', [2])
  const sum = build(graph).Add(x, x).name
  graph.outputs = [sum]
  const said: string[] = []
  const resident = device === 'auto' ? [] : [sum]
  const open = () =>
    openResolved(
      device,
      () => ({ graph, resident }),
      (message) => void said.push(message),
    )
  const { session } = await (device === 'auto' ? measureByFastClock(open) : open())
  const run = async (feed: OrtTensor): Promise<OrtTensor | undefined> => {
    try {
      const { [sum]: value } = await session.run({ x: feed })
      return value
    } catch (error) {
      said.push(String(error))
      return undefined
    }
  }
  const tell = async (value: OrtTensor | undefined) => {
    if (value) said.push(String(await value.getData()))
  }
  const host = () => new OrtTensor('float32', Float32Array.of(1, 2), [2])
  const first = (await run(host())) as OrtTensor
  await crashGpu()
  await tell(await run(first))
  await tell(await run(host()))
  await crashGpu()
  await tell(await run(host()))
  await session.release()
  return said
}

Object.assign(globalThis, { answer, sums, loaded: true })
