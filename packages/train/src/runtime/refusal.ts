// The error for a session that cannot be created: if the device opens a model of one node, the model is the cause, else
// the device. Loaded with the first error.

import { byteLength, ColaError, type Graph, writeModel } from '@cola/graph'
import { DeviceError, ModelError } from '../errors.ts'
import { brokenRuntime } from './broken-runtime.ts'
import { elsewhere, fixOf, isHere } from './device-platforms.ts'
import { deviceRow, type ResolvedDevice } from './devices.ts'
import { createOrtSession } from './ort.ts'
import { isOutOfMemory } from './out-of-memory.ts'
import { probeGraph } from './probe-graph.ts'

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

/** Whether a device opens a model of one node. */
const opensProbe = (device: ResolvedDevice): Promise<boolean> =>
  createOrtSession(device, writeModel(probeGraph()), {
    executionProviders: deviceRow(device).providers,
    logSeverityLevel: 4,
  }).then(
    async (session) => {
      await session.release()
      return true
    },
    () => false,
  )

/** The typed error for an error of the runtime: a ModelError if the device works, else a DeviceError. */
export async function refusal(graph: Graph, device: ResolvedDevice, cause: Error): Promise<ColaError> {
  if (cause instanceof ColaError) return cause
  const broken = brokenRuntime(device, cause)
  if (broken) return broken
  const found = cause.message
  if (!(await opensProbe(device))) {
    if (!isHere(device)) return elsewhere(device, cause)
    const what = `a session for "${graph.name}" could not be created`
    return new DeviceError({ where: `device "${device}"`, what, found, fix: fixOf(device) }, { cause })
  }
  if (isOutOfMemory(cause)) return tooLarge(graph, device, cause)
  const node = nodeIn(found)
  return new ModelError(
    {
      where: `model "${graph.name}"${node === undefined ? '' : `, node "${node}"`}`,
      what: `the runtime does not take the model on device "${device}", which works`,
      found,
      fix: 'The model is at fault, not the installation: export it again, or try another device.',
    },
    { cause },
  )
}

function tooLarge(graph: Graph, device: ResolvedDevice, cause: Error): ModelError {
  const weights = [...graph.initializers.values()].reduce((sum, tensor) => sum + byteLength(tensor), 0)
  return new ModelError(
    {
      where: `model "${graph.name}"`,
      what: `too large for the free memory of device "${device}"`,
      found: `${Math.round(weights / 1e6)} MB of weights; ${cause.message}`,
      fix:
        `Open it in fewer bits (quantization: { bits: 4 }), take a smaller model, or release others that are open` +
        (device === 'wasm' ? ': WebAssembly has 4 GB for all models of a thread.' : '.'),
    },
    { cause },
  )
}
