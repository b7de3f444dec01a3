// What the page of voices knows.

import type { Store } from '../page/state.ts'
import type { Connection } from '../page/worker.ts'
import type { Calls, OpenedModel, Told, Voice } from './messages.ts'

export interface State {
  voices: readonly Voice[]
  model: OpenedModel | undefined
  /** How often a session was opened. */
  opened: number
  training: boolean
}

export interface Page extends Store<State>, Connection<Calls, Told> {}

let last = 0

/** A number for a call, which stops it. */
export const newId = (): number => ++last
