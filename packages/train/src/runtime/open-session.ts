// Opens sessions of the runtime on a device.

import { type Checks, checkOptions, flag, list, object, requireOptions, text } from '@cola/graph/options'
import { checkTypes, type Graph, lower, writeModel } from '@cola/graph'
import { hasFiles } from '../files/node.ts'
import { checkDevice, deviceRow, graphFor, type ResolvedDevice } from './devices.ts'
import { createOrtSession, loadRuntime, type OrtSession, type SessionOptions } from './ort.ts'
import { weightsInMemory } from './weights-in-memory.ts'
import { withPacked } from './with-packed.ts'

/** A graph, or the file that has it, and how the runtime opens it. */
export interface RunnableModel {
  graph: Graph
  /** Path of the ONNX file, of `graphFor` the device. @default the model is encoded in memory */
  path?: string
  /** The ONNX file as bytes, with its external data by location, where files have no paths. @default as `path` */
  encoded?: { model: Uint8Array; externalData: readonly { path: string; data: Uint8Array }[] }
  /** Outputs to keep on the device, if it supports that. @default none */
  resident?: readonly string[]
  /**
   * Prepack the weights: copy them into the layout that the CPU multiplies fastest, instead of using the mapped file.
   * @default false
   */
  packWeights?: boolean
  /**
   * Let threads spin for a while after a run: faster for the model that runs most, slower for a model that runs next.
   * @default true
   */
  spin?: boolean
}

const modelChecks: Checks<RunnableModel> = {
  graph: object,
  path: text,
  encoded: object,
  resident: list,
  packWeights: flag,
  spin: flag,
}

/**
 * Creates a runtime session for a graph on a device. Its `run` rejects with a SessionError after its `release`, which
 * waits for runs. On a device of the table with a self-test, the first session waits
 * for it.
 * @throws {DeviceError} for a name that is not a device, a device that is not available, computes wrongly or lacks the
 * model's float16, or a runtime that is not installed, with the remedy.
 * @throws {ModelError | GraphError | ShapeError} when the runtime refuses the model, naming the node.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export async function openSession(model: RunnableModel, device: ResolvedDevice): Promise<OrtSession> {
  // A Model, which has fields beside its graph, is one too.
  checkOptions('openSession', model, modelChecks, true)
  requireOptions('openSession', model, modelChecks, ['graph'])
  checkDevice(device)
  const { environment, library, int8, selfTest } = deviceRow(device)
  if (environment && hasFiles()) (await import('./environment.ts')).setVariables(environment)
  await loadRuntime(device)
  if (!int8) (await import('./require-int8.ts')).requireInt8(model.graph, device)
  if (library && hasFiles()) (await import('./provider-library.ts')).requireLibrary(library, device)
  if (selfTest) {
    const { passTests } = await import('./self-test.ts')
    await passTests(model.graph, device, (graph) => openUntested({ graph }, device))
  }
  return openUntested(model, device)
}

async function openUntested(model: RunnableModel, device: ResolvedDevice): Promise<OrtSession> {
  const row = deviceRow(device)
  const { graph, resident = [], packWeights = false, spin = true } = model
  try {
    const session = await create(model, device, sessionOptions(device, graph, { resident, packWeights, spin }))
    return row.int32Inputs ? (await import('./narrow-inputs.ts')).narrowInputs(session) : session
  } catch (cause) {
    const { refusal } = await import('./refusal.ts')
    throw await refusal(graph, device, cause as Error)
  }
}

async function create(
  { graph, path, encoded }: RunnableModel,
  device: ResolvedDevice,
  options: SessionOptions,
): Promise<OrtSession> {
  if (path !== undefined) return createOrtSession(device, path, options)
  if (encoded) return createOrtSession(device, encoded.model, { ...options, externalData: encoded.externalData })
  checkTypes(graph)
  const runnable = await withPacked(await graphFor(device, lower(graph)))
  const { layout, files } = weightsInMemory(runnable.initializers, { aligned: deviceRow(device).inPlace })
  return createOrtSession(
    device,
    writeModel(runnable, layout),
    files.length ? { ...options, externalData: files } : options,
  )
}

/** The runtime's options for a model on a device. */
export function sessionOptions(
  device: ResolvedDevice,
  graph: Graph,
  { resident = [], packWeights = false, spin = true }: Pick<RunnableModel, 'resident' | 'packWeights' | 'spin'> = {},
): SessionOptions {
  const row = deviceRow(device)
  const disabled = [row.disabledOptimizers, castsFloat16(graph) ? row.float16Optimizers : undefined]
  const optimizers = disabled.filter((names) => names !== undefined).join(';')
  const locations = Object.fromEntries(
    graph.outputs.map((name) => [name, resident.includes(name) ? 'gpu-buffer' : 'cpu'] as const),
  )
  return {
    executionProviders: row.providers,
    // Fatal errors alone: the others are thrown, with what the runtime would print.
    logSeverityLevel: 4,
    // A memory pattern allocates one block for all activations of a run and frees it afterwards: twice the memory, and
    // page faults in every step.
    enableMemPattern: false,
    extra: {
      session: { disable_prepacking: packWeights ? '0' : '1', intra_op: { allow_spinning: spin ? '1' : '0' } },
      ...(optimizers ? { optimization: { disable_specified_optimizers: optimizers } } : {}),
    },
    ...(row.resident && resident.length ? { preferredOutputLocation: locations } : {}),
  }
}

/** Whether a graph holds weights in float16 that it computes with in float32. */
const castsFloat16 = ({ nodes, initializers }: Graph): boolean =>
  nodes.some(({ opType, inputs: [x = ''] }) => opType === 'Cast' && initializers.get(x)?.dtype === 'float16')
