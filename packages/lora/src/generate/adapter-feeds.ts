// The tensors that select an adapter.

import { type Batch, OrtTensor, type OrtTensors } from '@cola/train'
import type { SwitchableModel } from '../adapter/switch.ts'
import { ConfigError } from '../errors.ts'

/** The inputs of adapters. */
export interface AdapterFeeds {
  /**
   * The inputs of an adapter, by its name and its factor; the matrices become tensors once.
   * @throws {ConfigError} where there are no adapters; {AdapterError} for a name that is none of them.
   */
  readonly of: (adapter: string | undefined, scale: number | undefined) => OrtTensors
  /** Forgets the tensors of an adapter that was replaced or deleted. */
  readonly forget: (adapter: string) => void
}

/** The inputs of the adapters of a model, if it has some. */
export function adapterFeeds(model: SwitchableModel | undefined): AdapterFeeds {
  const made = new Map<string | undefined, OrtTensors>()
  const of: AdapterFeeds['of'] = (adapter, scale) => {
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
  return { of, forget: (adapter) => void made.delete(adapter) }
}

const tensorsOf = (batch: Batch): OrtTensors =>
  Object.fromEntries(
    Object.entries(batch).map(([name, { data, dims }]) => [name, new OrtTensor('float32', data as Float32Array, dims)]),
  )
