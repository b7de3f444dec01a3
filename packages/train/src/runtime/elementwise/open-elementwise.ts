// Runs graphs of elementwise operators on the processor, in the arrays that they update. The runtime copies what it is
// given and what it gives, and goes through all arrays once for each operator.

import type { Graph } from '@cola/graph'
import { addressOf, encodeLoops, pagesOf, partSize } from './encode-loops.ts'
import { type Loop, type Loops, loopsOf, type NumberStep } from './loops.ts'

/** Computes a graph from arrays and numbers by the names of its inputs, and replaces the elements of arrays. */
export type ElementwiseRun = (
  arrays: Readonly<Record<string, Float32Array>>,
  numbers: Readonly<Record<string, number>>,
) => void

/**
 * Compiles a graph whose outputs are arrays of float32.
 * @param replaced The input whose elements each output replaces.
 * @returns Undefined for a graph with other operators than elementwise ones and sums of squares, or where WebAssembly
 * is not allowed or has no vectors.
 */
export async function openElementwise(
  graph: Graph,
  replaced: ReadonlyMap<string, string>,
): Promise<ElementwiseRun | undefined> {
  const loops = typeof WebAssembly === 'undefined' ? undefined : loopsOf(graph, replaced)
  return loops && (await compile(loops).catch(() => undefined))
}

/** A loop in WebAssembly: computes elements up to a byte of the parts. */
type Compute = (end: number, ...numbers: number[]) => void

async function compile({ steps, arrays: constantArrays, numbers: constants }: Loops): Promise<ElementwiseRun> {
  const loops = steps.filter((step) => 'arrays' in step)
  const { bytes, functions } = encodeLoops(loops)
  const memory = new WebAssembly.Memory({ initial: pagesOf(loops) })
  const { instance } = await WebAssembly.instantiate(bytes, { env: { memory } })
  const computes = new Map(loops.map((loop, i) => [loop, instance.exports[functions[i] as string] as Compute]))
  return (given, numbers) => {
    const arrays = { ...Object.fromEntries(constantArrays), ...given }
    const values = new Map([
      ...constants,
      ...Object.entries(numbers).map(([name, n]) => [name, Math.fround(n)] as const),
    ])
    for (const step of steps)
      if ('arrays' in step) runLoop(step, { compute: computes.get(step) as Compute, memory, arrays, values })
      else values.set(step.name, numberOf(step, values))
  }
}

const numberOf = ({ operator, operands }: NumberStep, values: ReadonlyMap<string, number>): number => {
  const [a = 0, b = 0] = operands.map((name) => values.get(name) as number)
  return Math.fround(operator.compute(a, b))
}

interface LoopRun {
  readonly compute: Compute
  readonly memory: WebAssembly.Memory
  readonly arrays: Readonly<Record<string, Float32Array>>
  readonly values: Map<string, number>
}

/** Runs a loop part by part: copies the parts of its arrays to the memory, computes, and copies back what it wrote. */
function runLoop({ size, arrays: names, numbers, stores, sum }: Loop, run: LoopRun): void {
  const { compute, memory, arrays, values } = run
  const wholes = names.map((name) => arrays[name] as Float32Array)
  const parts = names.map((_, i) => new Float32Array(memory.buffer, addressOf(i), partSize))
  const lanes = new Float32Array(memory.buffer, 0, 4)
  const used = numbers.map((name) => values.get(name) as number)
  let total = 0
  for (let at = 0; at < size; at += partSize) {
    const count = Math.min(partSize, size - at)
    wholes.forEach((whole, i) => void parts[i]?.set(whole.subarray(at, at + count)))
    // A sum has no more elements than there are; what is computed past the end of an array is not copied back.
    const groups = sum ? Math.floor(count / 4) : Math.ceil(count / 4)
    if (groups > 0) compute(16 * groups, ...used)
    for (const { array } of stores) wholes[array]?.set((parts[array] as Float32Array).subarray(0, count), at)
    if (!sum) continue
    if (groups > 0) total += sumOf(lanes)
    if (4 * groups === count) continue
    for (const part of parts) part.copyWithin(0, 4 * groups, count)
    compute(16, ...used)
    total += sumOf(lanes.subarray(0, count - 4 * groups))
  }
  if (sum) values.set(sum.name, Math.fround(total))
}

const sumOf = (values: Float32Array): number => values.reduce((a, b) => a + b, 0)
