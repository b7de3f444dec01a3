// The queue before the worker thread: one question at a time, in the order of arrival.

import { Refusal } from './refusal.mjs'

/**
 * ask(question, signal) answers, or throws a Refusal: 503 when the queue is full, 504 after the timeout. Questions whose
 * client is gone or that timed out never reach the worker; where it has begun, its answer is dropped.
 */
export function createQueue(worker, { MAX_WAITING, TIMEOUT_MS }) {
  const waiting = []
  let running
  let ids = 0

  const next = () => {
    running = waiting.shift()
    if (running) worker.postMessage({ id: running.id, question: running.question })
  }

  worker.on('message', ({ id, answer, error }) => {
    if (id !== running?.id) return
    if (error) running.reject(error.status ? new Refusal(error.status, error.message) : new Error(error.message))
    else running.resolve(answer)
    next()
  })

  const ask = (question, signal) =>
    new Promise((resolve, reject) => {
      if (running && waiting.length >= MAX_WAITING) throw new Refusal(503, 'busy', { headers: { 'retry-after': '1' } })
      signal.throwIfAborted()
      const job = { id: ++ids, question }
      const giveUp = (error) => {
        const at = waiting.indexOf(job)
        if (at >= 0) waiting.splice(at, 1)
        job.reject(error)
      }
      const timer = setTimeout(() => giveUp(new Refusal(504, `no answer within ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
      const gone = () => giveUp(signal.reason)
      signal.addEventListener('abort', gone, { once: true })
      const settled = (settle) => (value) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', gone)
        settle(value)
      }
      Object.assign(job, { resolve: settled(resolve), reject: settled(reject) })
      waiting.push(job)
      if (!running) next()
    })

  return { ask, waiting: () => waiting.length }
}
