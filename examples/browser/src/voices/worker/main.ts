// The script of the worker, which imports nothing at once, as that of the main page does and for its reason.

const early: MessageEvent[] = []
self.onmessage = (message) => early.push(message)

import('./answer-calls.ts').then(
  ({ answerCalls }) => answerCalls(early),
  (error) => setTimeout(() => fail(error)),
)

function fail(error: unknown): never {
  throw error
}
