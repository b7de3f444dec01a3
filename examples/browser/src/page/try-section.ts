// Sentences, answered before the training and after it, side by side.

import { answerBars } from './answers.ts'
import { byId, el, fill, show } from './dom.ts'
import { attempt } from './problems.ts'
import type { Page } from './state.ts'

export function trySection(page: Page): void {
  const text = byId('try-text', HTMLInputElement)
  byId('try-form').addEventListener('submit', async (event) => {
    event.preventDefault()
    const { adapter } = page.state
    const asked = text.value.trim()
    if (!adapter || asked === '') return text.focus()
    const both = await attempt('try-problem', () => page.call('sideBySide', { adapter: adapter.name, text: asked }))
    if (!both) return
    const { labels, before, after } = both
    const side = (title: string, ...body: Node[]) => el('div', { class: 'side' }, el('h4', {}, title), ...body)
    byId('try-answers').prepend(
      el(
        'article',
        { class: 'tried' },
        el('h3', {}, asked),
        el(
          'div',
          { class: 'sides' },
          side(
            'Before',
            before
              ? answerBars(labels, before)
              : el('p', { class: 'quiet' }, 'Not known of an adapter that was loaded.'),
          ),
          side('After', answerBars(labels, after)),
        ),
      ),
    )
    text.select()
    return undefined
  })
  page.on('replaced', () => {
    byId('try-said').textContent = 'The graphics device was lost and does not come back: the processor answers now.'
  })
  page.watch(['adapter'], ({ adapter, rows }) => {
    show(adapter !== undefined, byId('try'))
    fill(byId('try-answers'))
    fill(byId('try-said'))
    text.value = rows[0]?.text ?? ''
  })
}
