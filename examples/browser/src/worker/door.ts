// A worker's door: calls in, answers and events out.

import { plainError } from '@cola/train'

interface Call {
  id: number
  call: string
  ask: unknown
}

/** What answers each call. */
type AnyHandlers<Handlers> = { [Name in keyof Handlers]: (ask: never) => Promise<unknown> }

/**
 * Answers a page.
 * @param early Calls that came before this was loaded.
 * @param createHandlers Is given what tells the page without being asked.
 */
export function answerPage<Told, Handlers extends AnyHandlers<Handlers>>(
  early: readonly MessageEvent<Call>[],
  createHandlers: (tell: (told: Told) => void) => Handlers,
): void {
  const handlers = createHandlers((told) => self.postMessage(told)) as unknown as Readonly<
    Record<string, (ask: unknown) => Promise<unknown>>
  >
  const answerCall = ({ data: { id, call, ask } }: MessageEvent<Call>) =>
    handlers[call]?.(ask).then(
      (answer) => self.postMessage({ id, answer }),
      (error: unknown) => self.postMessage({ id, error: plainError(error) }),
    )
  for (const message of early) void answerCall(message)
  self.onmessage = answerCall
}
