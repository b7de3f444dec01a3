// The error for a session that cannot be created: if the device opens a model of one node, the model is the cause, else
// the device. Loaded with the first error.

import { ColaError, type Graph } from '@cola/graph'
import { DeviceError, ModelError } from '../errors.ts'

/** How messages of ONNX Runtime name the node that is refused. */
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

export interface Refused {
  graph: Graph
  device: string
  /** What to do when the device is not available. */
  fix: string
  /** Whether the device opens `probeGraph`. */
  works: () => Promise<boolean>
}

/** The typed error for an error of the runtime: a ModelError if the device works, else a DeviceError. */
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
