import { random } from '@cola/data'
import { addInput, createGraph, differentiate, lower, prune, type Loss } from '@cola/graph'
import { OrtTensor, openSession } from '@cola/train'
import type { ValueAndGradient } from '../../src/index.ts'

export const numbers = (count: number, salt: string, size = 2): Float32Array => {
  const stream = random(1, 'losses', salt)
  return Float32Array.from({ length: count }, () => size * stream.normal())
}

/** Loss and gradient of a graph fragment on ONNX Runtime. */
export async function inGraph(loss: Loss, feeds: Record<string, OrtTensor>, width: number): Promise<ValueAndGradient> {
  const graph = createGraph('loss')
  addInput(graph, 'logits', 'float32', ['batch', width])
  const value = loss(graph).name
  const gradient = differentiate(graph, { loss: value, wrt: ['logits'] }).get('logits')?.name as string
  graph.outputs = [value, gradient]
  const lowered = lower(graph)
  prune(lowered)
  const session = await openSession({ graph: lowered }, 'cpu')
  const results = await session.run(
    Object.fromEntries(session.inputNames.map((name) => [name, feeds[name] as OrtTensor])),
  )
  await session.release()
  const data = (name: string) => (results[name] as OrtTensor).data as Float32Array
  return { loss: data(value)[0] as number, gradient: data(gradient) }
}

export const matrix = (data: Float32Array, width: number) =>
  new OrtTensor('float32', data, [data.length / width, width])

export function finiteDifferences(of: (student: Float64Array) => number, at: ArrayLike<number>): number[] {
  return Array.from(at, (_, i) => {
    const value = (shift: number) => of(Float64Array.from(at, (x, k) => (k === i ? x + shift : x)))
    return (value(1e-5) - value(-1e-5)) / 2e-5
  })
}
