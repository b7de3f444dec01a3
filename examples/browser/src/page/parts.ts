// Pieces that several sections show.

import { el } from './dom.ts'

/** A choice of a group, as a card; `onChoose` is called when it is chosen. */
export const card = (
  choice: { group: string; value: string; id: string; title: string; about: string; checked?: boolean },
  onChoose: () => void,
): HTMLElement => {
  const { group, value, id, title, about, checked = false } = choice
  return el(
    'label',
    { class: 'card' },
    el('input', { type: 'radio', name: group, value, id, checked, on: { change: onChoose } }),
    el('span', { class: 'card-title' }, title),
    el('span', { class: 'quiet' }, about),
  )
}

/** A name with its value, and a quiet line below. */
export const fact = (name: string, value: string, note = ''): HTMLElement =>
  el('div', {}, el('dt', {}, name), el('dd', {}, value), note !== '' && el('dd', { class: 'quiet' }, note))

/** A bar of a share, from 0 to 1; the number stands beside it. */
export function shareBar(share: number): HTMLElement {
  const bar = el('span', { class: 'bar', attributes: { 'aria-hidden': 'true' } })
  bar.style.setProperty('--share', String(share))
  return bar
}

/** The head of a table, a column each. */
export const tableHead = (...columns: readonly (string | undefined)[]): HTMLElement =>
  el(
    'thead',
    {},
    el('tr', {}, ...columns.map((name) => (name === undefined ? el('td', {}) : el('th', { scope: 'col' }, name)))),
  )
