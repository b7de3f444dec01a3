// Measures devices by products of matrices: a GPU may be a software adapter, a hundred times slower than the processor.

import { addInput, build, createGraph, type Graph } from '@cola/graph'
import type { ResolvedDevice } from './devices.ts'
import { once } from './once.ts'
import { type OrtSession, OrtTensor } from './ort.ts'

type Open = (model: { graph: Graph }, device: ResolvedDevice) => Promise<OrtSession>

/** Products in a run, one after the other. */
const products = 8
/** Rows and columns of the matrices: of the first run, whose time is latency, and at most, 16 MB each. */
const [smallest, largest] = [32, 2048]
/** A run is long enough that takes so many milliseconds, and so many times the latency. */
const [milliseconds, latencies] = [10, 4]
/** Below this share of the processor's speed a GPU is left alone; measurements differ by a few percent. */
const enough = 0.95
/** Below this share it is no GPU, as it seems. */
const software = 0.1

/** The speeds of devices, each measured once in a process. */
const speeds = new Map<ResolvedDevice, Promise<number>>()

/** Why `auto` leaves a device alone: a warning, or nothing if it multiplies as fast as the processor. */
export async function slowness(
  device: ResolvedDevice,
  processor: ResolvedDevice,
  open: Open,
  measured = speeds,
): Promise<string | undefined> {
  const speedOf = (one: ResolvedDevice) => once(measured, one, () => measure(one, open))
  const share = (await speedOf(device)) / (await speedOf(processor))
  if (!(share < enough)) return undefined
  const [number, as] =
    share < software
      ? [`${(1 / share).toFixed(0)} times slower than`, ', as software adapters do']
      : [`${share.toFixed(1)} times as fast as`, '']
  return `Device "${device}" is left alone: it multiplies ${number} "${processor}"${as}. Name it to use it all the same.`
}

/** y = the first element of M^(products + 1), where M = a b has its rows and columns from a [n, 1] and b [1, n]. */
function chain(): Graph {
  const graph = createGraph('measure')
  const g = build(graph)
  // Only vectors go to the device, and one number comes back.
  const M = g.Mul(addInput(graph, 'a', 'float32', ['n', 1]), addInput(graph, 'b', 'float32', [1, 'n']))
  let power = M
  for (let i = 0; i < products; i++) power = g.MatMul(power, M)
  g.node('Slice', [power, g.int64([0, 0]), g.int64([1, 1]), g.int64([0, 1])], { outputs: ['y'] })
  graph.outputs = ['y']
  return graph
}

/**
 * How much more work a millisecond more does, in multiplications and additions of one product. Matrices grow until a run
 * takes long beside its latency: launches, and the way to the device and back.
 */
async function measure(device: ResolvedDevice, open: Open): Promise<number> {
  const session = await open({ graph: chain() }, device)
  /** Milliseconds of the fastest of three runs. */
  const timeOf = async (n: number): Promise<number> => {
    const vector = (value: number, dims: number[]) => new OrtTensor('float32', new Float32Array(n).fill(value), dims)
    // All elements of M's powers are 1 / n.
    const feeds = { a: vector(1, [n, 1]), b: vector(1 / n, [1, n]) }
    let least = Number.POSITIVE_INFINITY
    for (let run = 0; run < 3; run++) {
      const started = performance.now()
      await session.run(feeds)
      least = Math.min(least, performance.now() - started)
    }
    return least
  }
  try {
    const latency = await timeOf(smallest)
    for (let n = 2 * smallest; ; n *= 2) {
      const time = await timeOf(n)
      if (n === largest || (time >= milliseconds && time >= latencies * latency))
        return (n ** 3 - smallest ** 3) / (time - Math.min(latency, time / 2))
    }
  } finally {
    await session.release()
  }
}
