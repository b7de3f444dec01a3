// The longest task of a page's main thread, which is how long the page waits: what PerformanceObserver calls a long
// task, without the time in which other programs had the processor, so that a busy machine fails no test.

import type { Browser, Page } from 'playwright-core'

interface TraceEvent {
  name: string
  pid: number
  tid: number
  /** Processor time of the thread, in microseconds. */
  tdur?: number
  args: { name?: string }
}

/** Runs `work` and gives its result, and the processor time of the page's longest task in milliseconds. */
export async function longestTask<Result>(
  browser: Browser,
  page: Page,
  work: () => Promise<Result>,
): Promise<{ result: Result; milliseconds: number }> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] })
  const result = await work()
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
  const threads = new Set(
    traceEvents
      .filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain')
      .map(({ tid }) => tid),
  )
  const tasks = traceEvents.filter(({ name, tid }) => name === 'ThreadControllerImpl::RunTask' && threads.has(tid))
  if (tasks.length < 10) throw new Error(`only ${tasks.length} tasks of the page were traced`)
  return { result, milliseconds: Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000 }
}
