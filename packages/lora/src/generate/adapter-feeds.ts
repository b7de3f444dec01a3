// The tensors that select an adapter.

import { type Batch, OrtTensor, type OrtTensors } from '@cola/train'
import type { SwitchableModel } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'

/**
 * The inputs of an adapter, by its name and its factor; the matrices become tensors once.
 * @throws {ConfigError} where there are no adapters; {AdapterError} for a name that is none of them.
 */
export function adapterFeeds(model: SwitchableModel | undefined) {
  const made = new Map<string | undefined, OrtTensors>()
  return (adapter: string | undefined, scale: number | undefined): OrtTensors => {
    if (!model) {
      if (adapter === undefined && scale === undefined) return {}
      throw new ConfigError({
        where: 'generate, option adapter',
        what: 'the model has no adapters to choose from',
        fix: 'Give openGenerator the adapters, or createGenerator what switchable makes of the base and them.',
      })
    }
    const fed = made.get(adapter) ?? tensorsOf(model.feeds(adapter))
    made.set(adapter, fed)
    if (scale === undefined || !fed.lora_scale) return fed
    return { ...fed, lora_scale: new OrtTensor('float32', Float32Array.of(scale), []) }
  }
}

const tensorsOf = (batch: Batch): OrtTensors =>
  Object.fromEntries(
    Object.entries(batch).map(([name, { data, dims }]) => [name, new OrtTensor('float32', data as Float32Array, dims)]),
  )
