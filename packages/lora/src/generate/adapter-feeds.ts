// The tensors that select an adapter.

import { type Batch, OrtTensor, type OrtTensors } from '@cola/train'
import type { SwitchableModel } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'

/**
 * The inputs of an adapter, by its name and its factor.
 * @throws {ConfigError} where there are no adapters, and for a factor without a name; {AdapterError} for a name that is none of them.
 */
export type AdapterFeeds = (adapter: string | undefined, scale: number | undefined) => OrtTensors

/** The inputs of the adapters of a model, if it has some. The arrays of an adapter become tensors once. */
export function adapterFeeds(model: SwitchableModel | undefined): AdapterFeeds {
  // By the arrays, because the adapter of a name may be another one at the next call.
  const made = new WeakMap<Batch[string], OrtTensor>()
  const tensorOf = (array: Batch[string]): OrtTensor => {
    const tensor = made.get(array) ?? new OrtTensor('float32', array.data as Float32Array, array.dims)
    made.set(array, tensor)
    return tensor
  }
  return (adapter, scale) => {
    if (model && adapter === undefined && scale !== undefined)
      throw new ConfigError({
        where: 'generate, option adapter_scale',
        what: 'the factor of no adapter: without one the base alone generates',
        expected: `adapter: ${model.adapters.map((name) => JSON.stringify(name)).join(' or ')}`,
        found: `adapter_scale: ${scale}`,
        fix: 'Name the adapter, or leave adapter_scale out.',
      })
    if (model) {
      const arrays = Object.entries(model.feeds(adapter))
      const fed: OrtTensors = Object.fromEntries(arrays.map(([name, array]) => [name, tensorOf(array)]))
      if (scale === undefined || !fed.lora_scale) return fed
      return { ...fed, lora_scale: new OrtTensor('float32', Float32Array.of(scale), []) }
    }
    if (adapter === undefined && scale === undefined) return {}
    throw new ConfigError({
      where: 'generate, option adapter',
      what: 'the model has no adapters to choose from',
      fix: 'Give openGenerator the adapters, or createGenerator what switchable makes of the base and them.',
    })
  }
}
