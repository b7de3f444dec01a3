// What a page knows, in one object; sections watch the parts that they show.

import type { AdapterSummary, Calls, ModelChoice, ModelSummary, Plan, Row, Told } from '../messages.ts'
import type { Connection } from './worker.ts'

export interface State {
  rows: readonly Row[]
  /** Name of the table, from which the adapter is called. */
  tableName: string
  choice: ModelChoice
  model: ModelSummary | undefined
  plan: Plan | undefined
  run: 'idle' | 'training' | 'paused'
  /** The adapter that the sections after the training show. */
  adapter: AdapterSummary | undefined
  adapters: readonly AdapterSummary[]
  /** Whether a student was distilled from the adapter. */
  student: boolean
}

export interface Store<State> {
  readonly state: Readonly<State>
  readonly change: (patch: Partial<State>) => void
  /** Calls a function now, and whenever one of the parts changed. */
  readonly watch: (parts: readonly (keyof State)[], use: (state: Readonly<State>) => void) => void
}

/** What every section gets. */
export interface Page extends Store<State>, Connection<Calls, Told> {}

export function createStore<State>(initial: State): Store<State> {
  let state = initial
  const watchers: { parts: readonly (keyof State)[]; use: (state: Readonly<State>) => void }[] = []
  return {
    get state() {
      return state
    },
    change: (patch) => {
      const before = state
      state = { ...state, ...patch }
      for (const { parts, use } of watchers) if (parts.some((part) => state[part] !== before[part])) use(state)
    },
    watch: (parts, use) => {
      watchers.push({ parts, use })
      use(state)
    },
  }
}
