// What crosses between the host and the device, and what stays on the device: of the tensors that the runtime's sessions
// are given and give. What is copied within a run is in the runtime's profile: placement.ts.

import { createRequire } from 'node:module'
import type { OrtSession, OrtTensor, OrtTensors, SessionOptions } from '../packages/train/src/runtime/ort-types.ts'

/** Bytes by the names of tensors, of all runs since the last look. */
export interface Crossings {
  readonly up: ReadonlyMap<string, number>
  readonly down: ReadonlyMap<string, number>
  /** Inputs and outputs that were in the device's memory. */
  readonly resident: ReadonlySet<string>
}

export interface WatchedRuntime {
  /** What crossed since the last call. */
  take(): Crossings
  /** Leaves the runtime as it was. */
  stop(): void
}

interface Runtime {
  InferenceSession: { create(model: string | Uint8Array, options: SessionOptions): Promise<OrtSession> }
}

/** Watches the sessions that the runtime for Node opens from now on. */
export function watchRuntime(): WatchedRuntime {
  const { InferenceSession } = createRequire(import.meta.resolve('../packages/train/src/index.ts'))(
    'onnxruntime-node',
  ) as Runtime
  const { create } = InferenceSession
  let seen = nothing()
  const count = (way: 'up' | 'down', name: string, bytes: number) =>
    seen[way].set(name, (seen[way].get(name) ?? 0) + bytes)
  const look = (way: 'up' | 'down', tensors: OrtTensors) => {
    for (const [name, value] of Object.entries(tensors)) {
      if (value.location !== 'gpu-buffer') count(way, name, (value.data as Uint8Array).byteLength)
      else {
        seen.resident.add(name)
        if (way === 'down') onRead(value, (bytes) => count('down', name, bytes))
      }
    }
  }
  InferenceSession.create = async (...args) => {
    const session = await create.apply(InferenceSession, args)
    const { run } = session
    return Object.assign(session, {
      run: async (...given: Parameters<OrtSession['run']>) => {
        look('up', given[0])
        const results = (await run.apply(session, given)) as OrtTensors
        look('down', results)
        return results
      },
    })
  }
  return {
    take() {
      const taken = seen
      seen = nothing()
      return taken
    },
    stop() {
      InferenceSession.create = create
    },
  }
}

const nothing = () => ({ up: new Map<string, number>(), down: new Map<string, number>(), resident: new Set<string>() })

/** Tells of the bytes of a tensor of the device that are read. */
function onRead(tensor: OrtTensor, tell: (bytes: number) => void): void {
  const { getData } = tensor as OrtTensor & { getData(release?: boolean): Promise<Uint8Array> }
  Object.assign(tensor, {
    getData: async (release?: boolean) => {
      const data = await getData.call(tensor, release)
      tell(data.byteLength)
      return data
    },
  })
}

export const sumOf = (bytes: ReadonlyMap<string, number>): number =>
  [...bytes.values()].reduce((sum, one) => sum + one, 0)
