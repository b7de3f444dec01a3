// What to say when a session cannot be created: a device that opens a model of one node is not to blame, the model is.

import { addInput, build, ColaError, createGraph, type Graph } from '@cola/graph'
import { DeviceError, ModelError } from '../errors.ts'

/** How ONNX Runtime names the node that it does not take. */
const nodeNames = [
  /node with name '([^']+)'/,
  /Node, \("([^"]+)"/,
  /Node \(([^)]+)\) Op/,
  /in node \(([^)]+)\)/,
  /node:\s?'?([^'\s)]+)/i,
]

const nodeIn = (message: string): string | undefined =>
  nodeNames.map((pattern) => pattern.exec(message)?.[1]).find(Boolean)

const outOfMemory = /bad_alloc|bad allocation|out of memory|failed to allocate/i

/** A model of one node, which every device opens. */
export function probeGraph(): Graph {
  const graph = createGraph('probe')
  build(graph).node('Identity', [addInput(graph, 'x', 'float32', [1])], { outputs: ['y'] })
  graph.outputs = ['y']
  return graph
}

export interface Refused {
  graph: Graph
  device: string
  /** What helps where the device is not there. */
  fix: string
  /** Whether the device opens {@link probeGraph}. */
  works: () => Promise<boolean>
}

/**
 * The error that stands for what the runtime said: errors of our own as they are, else the model's where the device
 * works, else the device's.
 */
export async function refusal({ graph, device, fix, works }: Refused, cause: Error): Promise<ColaError> {
  if (cause instanceof ColaError) return cause
  const found = cause.message
  if (!(await works()))
    return new DeviceError(
      { where: `device "${device}"`, what: `a session for "${graph.name}" could not be created`, found, fix },
      { cause },
    )
  const node = nodeIn(found)
  return new ModelError(
    {
      where: `model "${graph.name}"${node === undefined ? '' : `, node "${node}"`}`,
      what: `the runtime does not take the model on device "${device}", which works`,
      found,
      fix: outOfMemory.test(found)
        ? 'The machine has too little free memory for it.'
        : 'The model is at fault, not the installation: export it again, or try another device.',
    },
    { cause },
  )
}
