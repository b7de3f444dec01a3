// What the benchmarks share: medians, processes of their own, and the rate of a lone MatMul of the runtime.

import { execFileSync } from 'node:child_process'
import { setTimeout } from 'node:timers/promises'
import { random } from '@cola/data'
import { addInput, build, createGraph } from '@cola/graph'
import { openSession, OrtTensor } from '@cola/train'

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

/** GFLOP/s of [1536, 768] x [768, 3072]; only one number of the product is copied out. */
export async function matMulBench(
  device: 'cpu',
): Promise<{ run: () => Promise<number>; release: () => Promise<void> }> {
  const graph = createGraph('matmul')
  const g = build(graph)
  const product = g.MatMul(addInput(graph, 'a', 'float32', [1536, 768]), addInput(graph, 'b', 'float32', [768, 3072]))
  g.node('Slice', [product, g.int64([0, 0]), g.int64([1, 1]), g.int64([0, 1])], { outputs: ['y'] })
  graph.outputs.push('y')
  const session = await openSession({ graph }, device)
  const stream = random(1, 'matmul')
  const feed = (rows: number, columns: number) =>
    new OrtTensor(
      'float32',
      Float32Array.from({ length: rows * columns }, () => stream.uniform()),
      [rows, columns],
    )
  const feeds = { a: feed(1536, 768), b: feed(768, 3072) }
  const once = async () => {
    const started = performance.now()
    await session.run(feeds)
    return performance.now() - started
  }
  const run = async () => {
    const times: number[] = []
    for (let i = 0; i < 7; i++) times.push(await once())
    return (2 * 1536 * 768 * 3072) / median(times) / 1e6
  }
  await once()
  return { run, release: () => session.release() }
}
