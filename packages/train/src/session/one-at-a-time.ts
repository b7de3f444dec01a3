// Training and evaluation by turns, where the runtime's memory has no room for the weights of both sessions. Parameters,
// gradients and the optimizer's state are tensors outside of them, so that nothing is lost. Loaded then.

import { isOutOfMemory } from '../runtime/out-of-memory.ts'
import type { OrtSession } from '../runtime/ort.ts'

/** What a session is asked for. */
export type Runs = Pick<OrtSession, 'run' | 'release'>

/** A training and an evaluation session. */
export interface Pair {
  training: Runs
  evaluation: Runs
}

/** Opens one of the two anew. */
export type OpenOne = (name: keyof Pair) => Promise<Runs>

type Warn = ((message: string) => void) | undefined

const others = { training: 'evaluation', evaluation: 'training' } as const

/** Sessions of pairs that take turns. */
const byTurns = new WeakSet<Runs>()

/**
 * A pair of which one session is open at a time: the one that ran last.
 * @param held The one that is open. @default none
 * @param freed What to wait for before the first turn. @default nothing
 */
function takeTurns(open: OpenOne, held?: { name: keyof Pair; session: Runs }, freed?: Promise<void>): Pair {
  let now = held
  let last: Promise<unknown> = Promise.resolve(freed)
  const inTurn = <Result>(call: () => Promise<Result>): Promise<Result> => {
    const result = last.then(call)
    last = result.catch(() => undefined)
    return result
  }
  const close = async (): Promise<void> => {
    const { session } = now ?? {}
    now = undefined
    await session?.release()
  }
  const sessionOf = async (name: keyof Pair): Promise<Runs> => {
    if (now?.name === name) return now.session
    await close()
    now = { name, session: await open(name) }
    return now.session
  }
  const turnsOf = (name: keyof Pair): Runs => {
    const turns = {
      run: (...args: Parameters<OrtSession['run']>) => inTurn(async () => (await sessionOf(name)).run(...args)),
      release: () => inTurn(async () => (now?.name === name ? close() : undefined)),
    }
    byTurns.add(turns)
    return turns
  }
  return { training: turnsOf('training'), evaluation: turnsOf('evaluation') }
}

/** A run that has failed. */
export interface Failure {
  name: keyof Pair
  /** The session of this name that ran. */
  session: Runs
  cause: unknown
}

/**
 * Makes room for a session that found too little memory: the other one is released, and they take turns from now on.
 * @returns Whether there is more room than it found.
 */
export async function makeRoom(
  pair: Pair,
  { name, session, cause }: Failure,
  { open, onWarning }: { open: OpenOne; onWarning: Warn },
): Promise<boolean> {
  if (pair[name] !== session) return true
  if (byTurns.has(session) || !isOutOfMemory(cause)) return false
  const freed = pair[others[name]].release()
  Object.assign(pair, takeTurns(open, { name, session }, freed))
  onWarning?.(noRoom)
  return true
}

/** A pair of which the training session is open, and the other one was refused; none if that was not for memory. */
export function withoutEvaluation(cause: unknown, training: Runs, open: OpenOne, onWarning: Warn): Pair | undefined {
  if (!isOutOfMemory(cause)) return undefined
  onWarning?.(noRoom)
  return takeTurns(open, { name: 'training', session: training })
}

/** A pair for frozen weights of so many bytes: it takes turns from the beginning. */
export function largePair(bytes: number, open: OpenOne, onWarning: Warn): Pair {
  onWarning?.(`The frozen weights take ${Math.round(bytes / 1e6)} MB of the 4 GB of WebAssembly. ${consequence}`)
  return takeTurns(open)
}

const consequence =
  'Training and evaluation take turns, and each opens the model again: the results are those of both at once, and an ' +
  'evaluation takes some seconds more.'
const noRoom = `The runtime's memory has no room for two sessions of the model. ${consequence}`
