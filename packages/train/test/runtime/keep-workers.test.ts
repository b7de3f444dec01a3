// Workers that nothing refers to but their own listeners, in a browser that collects garbage: Gecko would end them with
// their messages on the way.

import { describe, expect, it } from 'vitest'
import type { Wait } from '../support/collecting-worker.ts'

/** What a worker that collects garbage says of its own workers. */
async function answerOf(wait: Wait): Promise<string> {
  const worker = new Worker(new URL('../support/collecting-worker.ts', import.meta.url), { type: 'module' })
  const answer = await new Promise<string>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data)
    worker.onerror = ({ message }) => reject(new Error(message))
    worker.postMessage(wait)
  })
  worker.terminate()
  return answer
}

describe.runIf(typeof Worker === 'function')('in a browser that collects garbage', () => {
  it.each(['runtime', 'training worker'] as const)('waits for no lost message: %s', async (wait) => {
    for (let i = 0; i < 4; i++) expect(await answerOf(wait)).toBe('answered')
  })
})
