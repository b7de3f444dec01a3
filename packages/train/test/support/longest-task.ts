// The longest task of a page's main thread, which is how long the page waits: what PerformanceObserver calls a long
// task, without the time in which other programs had the processor, so that a busy machine fails no test, and in the
// milliseconds of a machine that is fast, so that a slow one fails none either.

import type { Browser, Page } from 'playwright-core'

interface TraceEvent {
  name: string
  pid: number
  tid: number
  /** Processor time of the thread, in microseconds. */
  tdur?: number
  args: { name?: string }
}

/** Milliseconds that {@link reference} takes on the machine whose milliseconds are given; 30 to 50 on a slow one. */
const referenceTime = 15

/** The least time of some runs of work that is the same everywhere: objects, a sort, a map. Runs in the page. */
function reference(): number {
  const times = Array.from({ length: 5 }, () => {
    const start = performance.now()
    const rows = Array.from({ length: 50_000 }, (_, i) => ({ key: (i * 7919) % 50_021, text: `row ${i}` }))
    rows.sort((a, b) => a.key - b.key)
    new Map(rows.map(({ key, text }) => [key, text]))
    return performance.now() - start
  })
  return Math.min(...times)
}

/** Runs `work` and gives its result, and the processor time of the page's longest task in milliseconds. */
export async function longestTask<Result>(
  browser: Browser,
  page: Page,
  work: () => Promise<Result>,
): Promise<{ result: Result; milliseconds: number }> {
  const slowness = Math.max(1, (await page.evaluate(reference)) / referenceTime)
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
  return { result, milliseconds: Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000 / slowness }
}
