// A WebGPU that computes wrongly: sessions run on the CPU, and the first number of each result is off by `error`, or of
// gradients alone: forward passes are then right.

import type * as Ort from '../../src/runtime/ort.ts'

export const wrongDevice = { error: 0, gradientsAlone: false }

const isWrong = (name: string): boolean => !wrongDevice.gradientsAlone || name.endsWith('_grad.accumulation.out')

/** The module of the runtime with such a device, for vi.mock. */
export const runtimeWithWrongDevice = (ort: typeof Ort): typeof Ort => ({
  ...ort,
  createOrtSession: async (device, model, options) => {
    if (device !== 'webgpu') return ort.createOrtSession(device, model, options)
    const { preferredOutputLocation: _, ...host } = options
    const session = await ort.createOrtSession('cpu', model, { ...host, executionProviders: ['cpu'] })
    const { run } = session
    const runWrongly = async (...args: Parameters<Ort.OrtSession['run']>) => {
      const results = await run.apply(session, args)
      for (const [name, { data }] of Object.entries(results as Ort.OrtTensors))
        if (isWrong(name) && data instanceof Float32Array) data[0] = (data[0] as number) + wrongDevice.error
      return results
    }
    return Object.assign(session, { run: runWrongly })
  },
})

/** In place of what asks a browser for its adapter, which tests in Chromium have not. */
export const anAdapter = { missingAdapter: async () => undefined, requireAdapter: async () => undefined }
