// The longest tasks of a page's main thread and of its workers. The first is how long the page waits: what
// PerformanceObserver calls a long task, in the thread's own processor time. How long that is depends on the machine;
// a test compares the two.

import type { Browser, Page } from 'playwright-core'

interface TraceEvent {
  name: string
  pid: number
  tid: number
  /** Processor time of the thread, in microseconds. */
  tdur?: number
  args: { name?: string }
}

/** Chromium's names of the threads. */
const threadNames = { page: 'CrRendererMain', worker: 'DedicatedWorker thread' }

/** Runs `work` and gives its result, and the processor time of the longest tasks in milliseconds. */
export async function longestTasks<Result>(
  browser: Browser,
  page: Page,
  work: () => Promise<Result>,
): Promise<{ result: Result; page: number; worker: number }> {
  await browser.startTracing(page, { categories: ['toplevel', '__metadata'] })
  const result = await work()
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] }
  const longest = (thread: string): number => {
    const named = ({ name, args }: TraceEvent) => name === 'thread_name' && args.name === thread
    const threads = new Set(traceEvents.filter(named).map(({ tid }) => tid))
    const tasks = traceEvents.filter(({ name, tid }) => name === 'ThreadControllerImpl::RunTask' && threads.has(tid))
    if (tasks.length < 10) throw new Error(`only ${tasks.length} tasks of ${thread} were traced`)
    return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000
  }
  return { result, page: longest(threadNames.page), worker: longest(threadNames.worker) }
}
