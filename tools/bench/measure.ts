// What the benchmarks share: medians, processes of their own, and the rate of a lone MatMul of the runtime.

import { execFileSync } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { random } from '@cola/data'
import { addInitializer, addInput, build, createGraph, float32 } from '@cola/graph'
import { type Device, openSession, OrtTensor } from '@cola/train'

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number

/** Milliseconds of processor time, of all threads of the process, that a call takes. */
export async function processorTime(call: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage()
  await call()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

/** The numbers of a benchmark that runs in a process of its own, whose peak of memory is its own too. */
export const inProcess = (name: string, args: readonly string[]): Record<string, number> =>
  JSON.parse(
    execFileSync(process.execPath, [...process.execArgv, process.argv[1] as string, name, ...args, '--json'], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  )

/** The threads of a session spin for a while after its last run, on the cores that the next session wants. */
export const idle = (): Promise<void> => setTimeout(100)

/** Sizes of the products: rows, and a layer's width and inner width. */
const [rows, width, inner] = [1536, 768, 3072]

/**
 * GFLOP/s of [1536, 768] x [768, 3072]; only one number of the product is copied out. A GPU computes a chain of such
 * products with matrices that are there already, so that the way to it and back is a small part of the time.
 */
export async function matMulBench(
  device: Exclude<Device, 'auto'>,
): Promise<{ run: () => Promise<number>; release: () => Promise<void> }> {
  const isGpu = device === 'cuda' || device === 'webgpu'
  const products = isGpu ? 32 : 1
  const graph = createGraph('matmul')
  const g = build(graph)
  const stream = random(1, 'matmul')
  const numbers = (...dims: [number, number]) =>
    Float32Array.from({ length: dims[0] * dims[1] }, () => (2 * stream.uniform()) / dims[0])
  const matrix = (name: string, ...dims: [number, number]) =>
    addInitializer(graph, name, float32(dims, numbers(...dims)))
  const [up, down] = [matrix('up', width, inner), matrix('down', inner, width)]
  const columns = isGpu ? 1 : width
  const given = addInput(graph, 'x', 'float32', [rows, columns])
  let x = isGpu ? g.Mul(given, addInitializer(graph, 'ones', float32([width], new Float32Array(width).fill(1)))) : given
  for (let i = 0; i < products; i++) x = g.MatMul(x, i % 2 === 0 ? up : down)
  g.node('Slice', [x, g.int64([0, 0]), g.int64([1, 1]), g.int64([0, 1])], { outputs: ['y'] })
  graph.outputs.push('y')
  const session = await openSession({ graph }, device)
  const feeds = { x: new OrtTensor('float32', numbers(rows, columns), [rows, columns]) }
  const once = async () => {
    const started = performance.now()
    await session.run(feeds)
    return performance.now() - started
  }
  const run = async () => {
    const times: number[] = []
    for (let i = 0; i < 7; i++) times.push(await once())
    return (products * 2 * rows * width * inner) / median(times) / 1e6
  }
  await once()
  return { run, release: () => session.release() }
}
