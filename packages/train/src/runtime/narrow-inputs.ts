// Feeds of models whose integers are int32, as they are on WebGPU.

import { OrtTensor, type OrtSession, type OrtTensors } from './ort.ts'

/** The session, which takes int64 tensors where its model has int32. */
export function narrowInputs(session: OrtSession): OrtSession {
  const int32 = new Set(
    session.inputMetadata.flatMap((input) => ('type' in input && input.type === 'int32' ? [input.name] : [])),
  )
  if (int32.size === 0) return session
  const { run } = session
  const narrow = (name: string, tensor: OrtTensor): OrtTensor =>
    int32.has(name) && tensor.type === 'int64'
      ? new OrtTensor('int32', Int32Array.from(tensor.data as BigInt64Array, Number), tensor.dims)
      : tensor
  const runNarrowed = (feeds: OrtTensors, ...rest: unknown[]) => {
    const narrowed = Object.entries(feeds).map(([name, tensor]) => [name, narrow(name, tensor)] as const)
    return run.apply(session, [Object.fromEntries(narrowed), ...rest] as Parameters<OrtSession['run']>)
  }
  return Object.assign(session, { run: runNarrowed })
}
