// What an adapter is.

import type { Check } from '@cola/graph/options'
import { methodOf } from '../methods/methods.ts'
import type { Adapter } from './files.ts'

/** Check of an adapter. */
export const isAdapter: Check = [
  'what openAdapter gives',
  (value) => {
    const { config, tensors } = (value ?? {}) as Partial<Adapter>
    return tensors instanceof Map && Boolean(config && methodOf(config))
  },
  (value) =>
    (value as { adapted?: unknown } | null)?.adapted ? 'Save it first: await tuned.save(folder).' : undefined,
]
