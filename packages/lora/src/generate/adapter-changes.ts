// Changes of the adapters of an open generator. An adapter takes time to be read: the change that was called last holds.

import type { SwitchableModel } from '../adapter/switch.ts'
import { AdapterError } from '../errors.ts'

/** Makes a change that needs no time, unless it has been overtaken. */
export type Commit = (change: () => void) => void

/** An adapter that is read. */
interface Load {
  readonly name: string
  /** What a later call has done to the adapter of its name. */
  overtaken?: 'replaced' | 'deleted'
}

/**
 * Changes of the adapters of a model, in the order in which they were called.
 * @param deleteAdapter Deletes one, with what is known of it.
 * @param requireOpen Throws after the release.
 */
export function adapterChanges(
  model: SwitchableModel,
  deleteAdapter: SwitchableModel['deleteAdapter'],
  requireOpen: () => void,
) {
  /** In the order of their calls. */
  const loads = new Set<Load>()
  const named = (name: string) => [...loads].filter((load) => load.name === name)
  return {
    /**
     * Loads an adapter. One that a later load of its name has replaced before it was read is dropped.
     * @throws {AdapterError} for one that was deleted meanwhile; {SessionError} after the release.
     */
    async load(name: string, read: (commit: Commit) => Promise<void>): Promise<void> {
      requireOpen()
      const load: Load = { name }
      loads.add(load)
      const commit: Commit = (change) => {
        if (load.overtaken) return
        requireOpen()
        change()
        const all = named(name)
        for (const earlier of all.slice(0, all.indexOf(load))) earlier.overtaken ??= 'replaced'
      }
      try {
        await read(commit)
      } finally {
        loads.delete(load)
      }
      if (load.overtaken === 'deleted')
        throw new AdapterError({ where: `adapter "${name}"`, what: 'deleted while it was loaded' })
    },
    /** Deletes an adapter, and those of its name that are read. @throws {AdapterError} where there is none. */
    delete(name: string): void {
      const all = named(name)
      if (all.length === 0 || model.adapters.includes(name)) deleteAdapter(name)
      for (const load of all) load.overtaken = 'deleted'
    },
  }
}
