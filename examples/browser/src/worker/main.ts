// The worker's door: calls in, answers and events out.

import type { CallName, FromPage, FromWorker, Said, Told } from '../messages.ts'
import { createStudio } from './studio.ts'

const post = (message: FromWorker) => self.postMessage(message)

const handlers = createStudio((told: Told) => post(told)) as Readonly<
  Record<CallName, (ask: unknown) => Promise<unknown>>
>

self.onmessage = ({ data: { id, call, ask } }: MessageEvent<FromPage>) =>
  handlers[call](ask).then(
    (answer) => post({ id, answer }),
    (error: Error) => post({ id, error: saidOf(error) }),
  )

/** An error's words as plain data. */
function saidOf(error: Error): Said {
  const { name, message } = error instanceof Error ? error : new Error(String(error))
  const { problem } = error as Error & Pick<Said, 'problem'>
  // The runtime throws numbers and texts of its own for what goes wrong inside of it.
  return { name, message, problem }
}
