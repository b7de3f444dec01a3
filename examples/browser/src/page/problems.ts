// Errors in the page's words: what happened, what to do, and that nothing is lost.

import { byId, el, fill } from './dom.ts'
import { WorkerError } from './worker.ts'

interface Words {
  title: string
  todo: string
}

/** The first row whose pattern is found in an error's name and message gives its words. */
const rows: readonly (readonly [RegExp, Words])[] = [
  [
    /larger than this browser reads|out of memory|allocation failed|failed to allocate|bad[_ ]alloc|Aborted\(OOM|invalid array length|memory access out of bounds|RangeError.*(memory|buffer)/i,
    {
      title: 'The model does not fit into the memory that a tab may use',
      todo: 'Choose a smaller model, or its file in 4 bits; fewer rows a step take less, too. Or close other tabs. What you wrote is still here.',
    },
  ],
  [
    /the runtime's (wasm|script)|expected magic word|application\/wasm|incorrect response mime|wasm.*(404|not found|failed to fetch)|both async and sync fetching/i,
    {
      title: 'The engine could not be fetched: the server sent something else than WebAssembly',
      todo: 'Reload the page. If it stays, the host does not serve the .wasm files of this site: they must lie beside it, with the type application/wasm.',
    },
  ],
  [
    /WorkerFailed|the runtime's threads/,
    {
      title: 'The part of the page that computes did not start',
      todo: 'A content blocker or a security policy of this site may stop workers. Allow them for this page and reload. What you wrote is still here.',
    },
  ],
  [
    /DeviceLostError/,
    {
      title: 'The graphics device was lost',
      todo: 'Reload the page. Or choose the processor in the settings, and train: it goes on from the last checkpoint.',
    },
  ],
  [
    /webgpu|gpu adapter|GPUDevice/i,
    {
      title: 'This browser gives the page no graphics device',
      todo: 'Choose the processor in the settings. It works everywhere, and small models are as quick there.',
    },
  ],
  [
    /StorageFailed|QuotaExceededError/,
    {
      title: 'This browser has no room for the files, or does not allow the page to keep any',
      todo: 'Free some space, or leave private browsing. Training goes on; it can not be taken up after a reload.',
    },
  ],
  [
    /HubError|could not be reached|failed to fetch|NetworkError/i,
    {
      title: 'The files could not be fetched',
      todo: 'Check the network and the name. The model that came with this page, and a folder, need no network.',
    },
  ],
]

/** A title, what to do, and the error's own words. */
export function describeProblem(error: unknown): Words & { detail: string } {
  const { name, message } = error as Error
  const problem = error instanceof WorkerError ? error.said.problem : undefined
  const words = rows.find(([pattern]) => pattern.test(`${name} ${message}`))?.[1]
  if (words) return { ...words, detail: message }
  if (problem)
    return {
      title: sentence(`${problem.what}${problem.found ? `: ${problem.found}` : ''}`),
      todo: [problem.expected && `Expected: ${problem.expected}.`, problem.fix].filter(Boolean).join(' '),
      detail: problem.where,
    }
  return { title: sentence(message), todo: 'What you wrote is still here; try again.', detail: name }
}

const sentence = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** Shows an error in a place of the page; nothing clears the place. */
export function showProblem(place: string, error?: unknown): void {
  if (error === undefined) {
    fill(byId(place))
    return
  }
  const { title, todo, detail } = describeProblem(error)
  fill(
    byId(place),
    el(
      'div',
      { class: 'notice problem' },
      el('p', { class: 'notice-title' }, title),
      todo !== '' && el('p', {}, todo),
      el('p', { class: 'detail' }, detail),
    ),
  )
}

/** Runs work; an error is shown in a place, which is cleared first. @returns What the work gave, or undefined. */
export async function attempt<Result>(place: string, work: () => Promise<Result>): Promise<Result | undefined> {
  showProblem(place)
  try {
    return await work()
  } catch (error) {
    showProblem(place, error)
    return undefined
  }
}
