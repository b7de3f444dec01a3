// A small student of the trained model, and how the two compare.

import type { Comparison, Measured } from '../messages.ts'
import { byId, el, fill, show } from './dom.ts'
import { tableHead } from './parts.ts'
import { attempt } from './problems.ts'
import type { Page } from './state.ts'
import { bytesText, parametersText, percent, plural } from './words.ts'

export function distilSection(page: Page): void {
  const [button, progress] = [byId('distil-go', HTMLButtonElement), byId('distil-progress', HTMLProgressElement)]
  page.on('distilling', ({ step, total_steps }) => {
    progress.max = total_steps
    progress.value = step
  })
  button.addEventListener('click', async () => {
    const { adapter } = page.state
    if (!adapter) return
    button.disabled = true
    progress.value = 0
    show(true, progress)
    const comparison = await attempt('distil-problem', () => page.call('distil', { adapter: adapter.name }))
    show(false, progress)
    button.disabled = false
    if (!comparison) return
    showComparison(comparison)
    page.change({ student: true })
  })
  page.watch(['adapter', 'run'], ({ adapter, rows, run }) => {
    show(adapter !== undefined && rows.length > 0, byId('distil'))
    button.disabled = run !== 'idle'
  })
  page.watch(['adapter'], () => fill(byId('distil-result')))
}

const lines: readonly (readonly [string, (one: Measured) => string])[] = [
  ['Parameters', ({ parameters }) => parametersText(parameters)],
  ['Size', ({ bytes }) => bytesText(bytes)],
  ['Time a text', ({ milliseconds }) => `${milliseconds.toFixed(milliseconds < 10 ? 1 : 0)} ms`],
  ['Right answers', ({ accuracy }) => percent(accuracy)],
]

function showComparison({ teacher, student, rows, agreement }: Comparison): void {
  const smaller = teacher.bytes / student.bytes
  const faster = teacher.milliseconds / student.milliseconds
  const times = (value: number, more: string, less: string) =>
    value >= 1 ? `${value.toFixed(1)} times ${more}` : `${(1 / value).toFixed(1)} times ${less}`
  fill(
    byId('distil-result'),
    el(
      'p',
      { class: 'summary' },
      el('strong', {}, `${times(smaller, 'smaller', 'larger')}, ${times(faster, 'quicker', 'slower')}.`),
      ` Both give the same answer to ${percent(agreement)} of ${plural(rows, 'row')}.`,
    ),
    el(
      'table',
      { class: 'compare' },
      el('caption', { class: 'hidden' }, 'The trained model and its student'),
      tableHead(undefined, 'Trained model', 'Student'),
      el(
        'tbody',
        {},
        ...lines.map(([name, format]) =>
          el('tr', {}, el('th', { scope: 'row' }, name), el('td', {}, format(teacher)), el('td', {}, format(student))),
        ),
      ),
    ),
  )
}
