// The tasks of a page's main thread, from the browser's trace. For tests.

import type { Page } from 'playwright-core'

/** A task of a main thread, in milliseconds. */
export interface Task {
  /** As a clock sees it: on a machine that is short of cores a task waits for one. */
  duration: number
  /** Time that a processor worked on it. */
  processor: number
}

interface TraceEvent {
  name: string
  pid: number
  tid: number
  /** Microseconds. */
  dur?: number
  tdur?: number
  args: { name?: string }
}

/** Watches the main threads of a page's browser. @returns A function that stops and gives their tasks. */
export async function watchMainThread(page: Page): Promise<() => Promise<Task[]>> {
  const browser = page.context().browser()
  if (!browser) throw new Error('the page has no browser of its own')
  await browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', 'toplevel'] })
  return async () => {
    // The trace has a task once it has ended: the last one answered the test before its end.
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve)))
    const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
    const threadOf = ({ pid, tid }: TraceEvent) => `${pid} ${tid}`
    const main = new Set(traceEvents.filter(({ args }) => args.name === 'CrRendererMain').map(threadOf))
    return traceEvents
      .filter((event) => event.name === 'RunTask' && main.has(threadOf(event)))
      .map(({ dur = 0, tdur = 0 }) => ({ duration: dur / 1000, processor: tdur / 1000 }))
  }
}
