// The worker's script. It imports nothing at once, so that a bundler's chunks have nothing to import from it: WebKit
// evaluates a worker's script a second time when a module imports it. Messages wait until the rest is there.

const early: MessageEvent[] = []
self.onmessage = (message) => early.push(message)

import('./answer-calls.ts').then(
  ({ answerCalls }) => answerCalls(early),
  // An error of a task, unlike a rejection, is told to the page.
  (error) => setTimeout(() => fail(error)),
)

function fail(error: unknown): never {
  throw error
}
