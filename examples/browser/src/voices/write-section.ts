// Messages: a beginning, the voices that go on, and their words as they come.

import { byId, el, fill, show } from '../page/dom.ts'
import { showProblem } from '../page/problems.ts'
import type { How } from './messages.ts'
import { sendMessage, writePiece } from './message.ts'
import type { Page } from './state.ts'
import { titleOf } from './voices-section.ts'

/** The choice of no voice. */
const alone = ''

export function writeSection(page: Page): void {
  const text = byId('beginning', HTMLInputElement)
  let messages = 0
  const send = (voices: readonly (string | undefined)[]) => {
    showProblem('write-problem')
    text.focus()
    const beginning = text.value.trim()
    if (beginning === '') return
    text.select()
    sendMessage(page, { beginning, voices, how: chosenHow(++messages) })
  }
  byId('write-form').addEventListener('submit', (event) => {
    event.preventDefault()
    const { value } = document.querySelector('#choices :checked') as HTMLInputElement
    send([value === alone ? undefined : value])
  })
  byId('ask-all').addEventListener('click', () => send(page.state.voices.map(({ name }) => name)))

  page.watch(['voices'], ({ voices }) => {
    const chosen = document.querySelector<HTMLInputElement>('#choices :checked')?.value ?? alone
    const names = voices.map(({ name }) => name)
    // The first voice is chosen when it comes.
    const now = names.includes(chosen) ? chosen : (names[0] ?? alone)
    for (const label of document.querySelectorAll('#choices label')) label.remove()
    byId('choices').append(...[...names, alone].map((name) => choice(name, name === now)))
    show(voices.length > 1, byId('ask-all'))
    byId('ask-all').textContent = `Ask all ${voices.length === 3 ? 'three' : voices.length}`
  })

  page.watch(['model'], ({ model }) => fill(byId('words'), model?.words.join(', ')))
  const spell = () => {
    const known = page.state.model?.words
    const unknown = known
      ? (text.value.toLowerCase().match(/[a-z]{2,}/g) ?? []).filter((one) => !known.includes(one))
      : []
    const those = unknown.map((one) => `“${one}”`).join(', ')
    byId('spelled').textContent = those && `Not among its words: ${those}. It reads them letter by letter.`
  }
  text.addEventListener('input', spell)
  page.on('piece', writePiece)
}

const choice = (value: string, checked: boolean): HTMLElement =>
  el(
    'label',
    {},
    el('input', { type: 'radio', name: 'voice', value, checked }),
    value === alone ? 'None: the model alone' : titleOf(value),
  )

/** The settings; each message draws from a stream of its own, the same for all its voices. */
const chosenHow = (seed: number): How => ({
  do_sample: byId('choose', HTMLSelectElement).value === 'drawn',
  temperature: byId('temperature', HTMLInputElement).valueAsNumber,
  max_new_tokens: byId('longest', HTMLInputElement).valueAsNumber,
  seed,
})
