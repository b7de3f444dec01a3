// The worker's script. It imports nothing at once, so that a bundler's chunks have nothing to import from it: WebKit
// evaluates a worker's script a second time when a module imports it. A browser's messages wait here until the rest is
// there; Node keeps them until someone listens.

import type { ToWorker } from './messages.ts'

const early: ToWorker[] = []
const scope = globalThis as { onmessage?: (message: MessageEvent<ToWorker>) => void }
scope.onmessage = ({ data }) => void early.push(data)

import('./serve.ts').then(
  ({ serve }) => serve(early),
  // An error of a task, unlike a rejection, is told to who started the worker.
  (error) => setTimeout(() => fail(error)),
)

function fail(error: unknown): never {
  throw error
}
