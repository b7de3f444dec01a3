// The list of steps beside the page: which are there, and which are done.

import { byId, el, fill } from './dom.ts'
import type { Page, State } from './state.ts'

const steps: readonly {
  id: string
  title: string
  ready: (state: State) => boolean
  done: (state: State) => boolean
}[] = [
  { id: 'examples', title: 'Examples', ready: () => true, done: ({ rows }) => rows.length > 0 },
  { id: 'model', title: 'Model', ready: () => true, done: ({ model }) => model !== undefined },
  { id: 'training', title: 'Training', ready: () => true, done: ({ adapter }) => adapter !== undefined },
  { id: 'try', title: 'Try it', ready: trained, done: () => false },
  { id: 'mistakes', title: 'Mistakes', ready: trained, done: () => false },
  { id: 'distil', title: 'Smaller', ready: trained, done: ({ student }) => student },
  { id: 'keep', title: 'Take it', ready: trained, done: () => false },
  { id: 'shelf', title: 'Adapters', ready: ({ model }) => model !== undefined, done: () => false },
]

function trained({ adapter }: State): boolean {
  return adapter !== undefined
}

export function stepList(page: Page): void {
  page.watch(['rows', 'model', 'adapter', 'student'], (state) => {
    fill(
      byId('steps'),
      ...steps.map(({ id, title, ready, done }) =>
        el(
          'li',
          { class: done(state) ? 'done' : '' },
          ready(state)
            ? el('a', { href: `#${id}` }, title, done(state) && el('span', { class: 'hidden' }, ', done'))
            : el('span', {}, title),
        ),
      ),
    )
  })
}
