// The worker's door: calls in, answers and events out.

import { plainError } from '@cola/train'
import type { CallName, FromPage, FromWorker, Told } from '../messages.ts'
import { createStudio } from './studio.ts'

/** @param early Calls that came before this was loaded. */
export function answerCalls(early: readonly MessageEvent<FromPage>[]): void {
  const post = (message: FromWorker) => self.postMessage(message)
  const handlers = createStudio((told: Told) => post(told)) as Readonly<
    Record<CallName, (ask: unknown) => Promise<unknown>>
  >
  const answerCall = ({ data: { id, call, ask } }: MessageEvent<FromPage>) =>
    handlers[call](ask).then(
      (answer) => post({ id, answer }),
      (error: unknown) => post({ id, error: plainError(error) }),
    )
  for (const message of early) void answerCall(message)
  self.onmessage = answerCall
}
