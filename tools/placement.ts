// Where the runtime computes each node of a graph, and how many kernels it dispatches to the GPU: read from its own
// profile of one run.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { elementCount, evaluateDim, getValue, type Graph, lower, writeModel } from '@cola/graph'
import type { Batch } from '@cola/train'
import { graphFor, type ResolvedDevice } from '../packages/train/src/runtime/devices.ts'
import { narrowInputs } from '../packages/train/src/runtime/narrow-inputs.ts'
import { sessionOptions } from '../packages/train/src/runtime/open-session.ts'
import { createOrtSession, OrtTensor, type OrtTensors } from '../packages/train/src/runtime/ort.ts'

/** A node as the runtime ran it, after the runtime's own optimizers. */
export interface PlacedNode {
  readonly name: string
  readonly opType: string
  /** Whether the CPU computed it. */
  readonly onHost: boolean
  /** Whether its results are shapes: int64, of one axis at most. */
  readonly isShape: boolean
  /** Whether one of its inputs or results holds floating-point numbers. */
  readonly isFloat: boolean
  /** Size of its results. */
  readonly bytes: number
}

export interface Placement {
  readonly nodes: readonly PlacedNode[]
  /** The graph's outputs, by name. */
  readonly outputs: OrtTensors
  /** Kernels that the GPU ran, in order: the runtime's profile has an event for each. */
  readonly dispatches: readonly string[]
  /** Bytes that the runtime copied between the host and the GPU within the graph: the results of its Memcpy nodes. */
  readonly bytesCopied: number
}

interface ProfileEvent {
  cat: string
  name: string
  args?: {
    op_name: string
    provider: string
    output_size: string
    input_type_shape: Record<string, number[]>[]
    output_type_shape: Record<string, number[]>[]
  }
}

/** Profiles one run of a graph on a device. Inputs that the batch lacks are ones. */
export async function placementOf(graph: Graph, device: ResolvedDevice, batch: Batch): Promise<Placement> {
  const folder = mkdtempSync(join(tmpdir(), 'cola-profile-'))
  try {
    const session = narrowInputs(
      await createOrtSession(device, writeModel(lower(await graphFor(device, graph))), {
        ...sessionOptions(device, graph),
        enableProfiling: true,
        profileFilePrefix: join(folder, 'profile'),
      }),
    )
    const results = await session.run(feedsOf(graph, batch))
    session.endProfiling()
    await session.release()
    const file = readdirSync(folder)[0] as string
    const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProfileEvent[]
    const nodes = events.flatMap(placedNode)
    return {
      nodes,
      bytesCopied: nodes.reduce((sum, { opType, bytes }) => sum + (opType.startsWith('Memcpy') ? bytes : 0), 0),
      dispatches: events.flatMap(({ cat, name }) => (cat === 'Api' ? [name] : [])),
      outputs: results as OrtTensors,
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function placedNode({ cat, name, args }: ProfileEvent): PlacedNode[] {
  if (cat !== 'Node' || !name.endsWith('_kernel_time') || !args) return []
  const outputs = args.output_type_shape.flatMap((output) => Object.entries(output))
  return [
    {
      name: name.replace(/_kernel_time$/, ''),
      opType: args.op_name,
      onHost: args.provider === 'CPUExecutionProvider',
      isShape: outputs.every(([type, dims]) => type === 'int64' && dims.length <= 1),
      isFloat: [...args.input_type_shape, ...args.output_type_shape].some((value) => 'float' in value),
      bytes: Number(args.output_size),
    },
  ]
}

function feedsOf(graph: Graph, batch: Batch): OrtTensors {
  const symbols = new Map<string, number>()
  for (const name of graph.inputs)
    getValue(graph, name).shape.forEach((dim, axis) => {
      if (typeof dim === 'string' && batch[name]) symbols.set(dim, batch[name].dims[axis] as number)
    })
  return Object.fromEntries(
    graph.inputs.map((name) => {
      const { dtype, shape } = getValue(graph, name)
      const given = batch[name]
      if (given) return [name, new OrtTensor(dtype as 'int32', given.data as Int32Array, given.dims)]
      const dims = shape.map((dim) => evaluateDim(dim, symbols) as number)
      const ones = dtype === 'float32' ? new Float32Array(elementCount(dims)) : new Uint8Array(elementCount(dims))
      return [name, new OrtTensor(dtype as 'float32', ones.fill(1) as Float32Array, dims)]
    }),
  )
}
