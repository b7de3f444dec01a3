// What runs here: device, threads, isolation, memory, storage; and the page's own watch over its main thread.

import type { DeviceReport } from '../worker/device.ts'
import { byId, fill } from './dom.ts'
import { fact } from './parts.ts'
import type { Page, State } from './state.ts'
import { bytesText, plural } from './words.ts'

const devices = { wasm: 'Processor (WebAssembly)', webgpu: 'Graphics (WebGPU)' } as const

export function machinePanel(page: Page): void {
  /** Milliseconds, since the last training began. */
  let longest = 0
  let report: DeviceReport | undefined
  let memory: number | undefined
  const draw = () => fill(byId('machine'), ...facts(report, longest, memory))
  const setLongest = (milliseconds: number) => {
    longest = milliseconds
    byId('machine').dataset.longest = String(longest)
    draw()
  }
  watchMainThread((milliseconds) => {
    if (page.state.run !== 'idle') setLongest(Math.max(longest, milliseconds))
  })
  let was: State['run'] = 'idle'
  page.watch(['run'], ({ run }) => {
    if (was === 'idle' && run === 'training') setLongest(0)
    was = run
  })
  page.on('device', (told) => {
    report = told.report
    draw()
    void measureMemory().then((bytes) => {
      memory = bytes
      draw()
    })
  })
  draw()
  page.call('device', undefined).then(
    (first) => {
      report = first
      draw()
    },
    () => undefined,
  )
}

/** Whether this browser tells of long tasks: Chromium does. */
const canWatch = (): boolean => PerformanceObserver.supportedEntryTypes.includes('longtask')

/** Calls a function with each time, in milliseconds, that the main thread was blocked for longer than 50 ms. */
function watchMainThread(onBlock: (milliseconds: number) => void): void {
  if (!canWatch()) return
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) onBlock(duration)
  }).observe({ type: 'longtask', buffered: false })
}

interface MeasuresMemory {
  measureUserAgentSpecificMemory?: () => Promise<{ bytes: number }>
}

/** Bytes in use by this page and its workers; undefined where the browser does not tell. */
const measureMemory = async (): Promise<number | undefined> =>
  (performance as MeasuresMemory).measureUserAgentSpecificMemory?.().then(
    ({ bytes }) => bytes,
    () => undefined,
  )

function facts(report: DeviceReport | undefined, longest: number, memory: number | undefined): HTMLElement[] {
  const main =
    canWatch() &&
    fact(
      'This page',
      longest > 0 ? `held up for ${Math.round(longest)} ms at most` : 'never held up',
      'while it trains',
    )
  if (!report) return [fact('Engine', 'not loaded yet'), main].filter((one) => one !== false)
  const { device, threads, cores, isolated, stored, quota } = report
  const why = isolated ? 'this browser shares no memory' : 'the host sends no headers for cross-origin isolation'
  const here = threads > 1 || cores === 1 || device === 'webgpu'
  const alone = here ? `${plural(cores, 'core')} here` : `one only: ${why}`
  const all = [
    fact('Device', devices[device], 'gpu' in navigator ? '' : 'no WebGPU in this browser'),
    fact('Threads', String(threads), alone),
    memory !== undefined && fact('Memory', bytesText(memory), 'of this page and its worker'),
    fact('Stored here', bytesText(stored), quota > 0 ? `of ${bytesText(quota)}` : ''),
    main,
  ]
  return all.filter((one) => one !== false)
}
