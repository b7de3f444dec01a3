// What the model gets wrong: a matrix of classes and answers, whose cells open their sentences.

import type { Mistakes } from '../messages.ts'
import { byId, el, fill, show } from './dom.ts'
import { tableHead } from './parts.ts'
import { attempt } from './problems.ts'
import type { Page } from './state.ts'
import { percent, plural } from './words.ts'

/** Sentences shown of a cell. */
const shown = 50

export function mistakesSection(page: Page): void {
  page.watch(['adapter'], async ({ adapter }) => {
    show(false, byId('mistakes'))
    if (!adapter) return
    const found = await attempt('train-problem', () => page.call('mistakes', { adapter: adapter.name }))
    if (!found || found.rows.length === 0 || page.state.adapter !== adapter) return
    show(true, byId('mistakes'))
    showMatrix(found)
  })
}

function showMatrix(mistakes: Mistakes): void {
  const { labels, heldOut, rows } = mistakes
  const right = rows.filter(({ label, answer }) => label === answer).length
  byId('mistakes-about').textContent =
    `${right} of ${plural(rows.length, 'answer')} right (${percent(right / rows.length)}), ` +
    (heldOut ? 'on rows that the training did not see. ' : 'on the rows that it was trained on: no others are left. ') +
    'Rows are what is right, columns what it answered; a number opens its sentences.'
  const cells = labels.map((_, label) =>
    labels.map((_, answer) => rows.filter((row) => row.label === label && row.answer === answer)),
  )
  const most = Math.max(1, ...cells.flat().map(({ length }) => length))
  const buttons: HTMLButtonElement[] = []
  const open = (button: HTMLButtonElement, label: number, answer: number) => {
    for (const one of buttons) one.setAttribute('aria-pressed', String(one === button))
    showCell(mistakes, label, answer)
  }
  fill(
    byId('matrix'),
    el(
      'table',
      { class: 'matrix' },
      el('caption', { class: 'hidden' }, 'Rows are what is right, columns what it answered'),
      tableHead(undefined, ...labels),
      el(
        'tbody',
        {},
        ...cells.map((row, label) =>
          el(
            'tr',
            {},
            el('th', { scope: 'row' }, labels[label]),
            ...row.map(({ length }, answer) => {
              const button = el('button', {
                type: 'button',
                class: label === answer ? 'right' : length ? 'wrong' : 'none',
                textContent: String(length),
                disabled: length === 0,
                attributes: {
                  'aria-label': `${labels[label]} answered ${labels[answer]}: ${length}`,
                  'aria-pressed': 'false',
                },
              })
              button.style.setProperty('--share', String(length / most))
              button.addEventListener('click', () => open(button, label, answer))
              buttons.push(button)
              return el('td', {}, button)
            }),
          ),
        ),
      ),
    ),
  )
  const [wrong] = cells
    .flatMap((row, label) => row.map(({ length }, answer) => ({ label, answer, length })))
    .filter(({ label, answer }) => label !== answer)
    .sort((a, b) => b.length - a.length)
  const first = wrong && wrong.length > 0 ? buttons[wrong.label * labels.length + wrong.answer] : undefined
  if (first && wrong) open(first, wrong.label, wrong.answer)
  else fill(byId('cell'), el('p', { class: 'quiet' }, 'No answer is wrong here.'))
}

function showCell({ labels, rows }: Mistakes, label: number, answer: number): void {
  const found = rows
    .filter((row) => row.label === label && row.answer === answer)
    .sort((a, b) => b.probability - a.probability)
  fill(
    byId('cell'),
    el('h3', {}, label === answer ? `${labels[label]}, rightly` : `${labels[label]}, answered ${labels[answer]}`),
    el(
      'ul',
      { class: 'sentences' },
      ...found
        .slice(0, shown)
        .map(({ text, probability }) =>
          el('li', {}, el('span', {}, text), el('span', { class: 'quiet' }, percent(probability))),
        ),
    ),
    found.length > shown && el('p', { class: 'quiet' }, `and ${found.length - shown} more`),
  )
}
