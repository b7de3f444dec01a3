// A message with its answers, which are written as their tokens come.

import { byId, el, show } from '../page/dom.ts'
import type { How, Said, Told } from './messages.ts'
import { showInOwnWords } from './own-words.ts'
import { newId, type Page } from './state.ts'
import { titleOf } from './voices-section.ts'

interface Message {
  beginning: string
  /** Each answers; undefined is the model alone. */
  voices: readonly (string | undefined)[]
  how: How
}

/** Ended answers that a screen reader can still go back to. */
const heard = 20

const ends: Readonly<Record<Said['reason'], string>> = {
  stop: '',
  length: ', cut off',
  stopped: ', stopped',
}

type Piece = Extract<Told, { event: 'piece' }>

/** What writes an answer's pieces, by its number. */
const writing = new Map<number, (told: Piece) => void>()

export const writePiece = (told: Piece): void => writing.get(told.id)?.(told)

/** Sends a message; its answers may come beside those of others. */
export function sendMessage(page: Page, { beginning, voices, how }: Message): void {
  const answers = voices.map((voice) => answerOf(page, { beginning, voice, how }))
  const stop = el('button', {
    type: 'button',
    textContent: 'Stop',
    attributes: { 'aria-label': `Stop “${beginning}”` },
    on: { click: () => answers.forEach(({ id }) => void page.call('stop', id)) },
  })
  const item = el(
    'li',
    { class: 'message' },
    el('p', { class: 'said' }, beginning),
    el('div', { class: voices.length > 1 ? 'sides' : '' }, ...answers.map(({ element }) => element)),
    el('div', { class: 'actions' }, stop),
  )
  byId('messages').prepend(item)
  void Promise.all(answers.map(({ ended }) => ended)).then((texts) => {
    if (document.activeElement === stop) byId('beginning').focus()
    show(false, stop)
    announce(texts.filter((text) => text !== '').join('\n'))
  })
}

/** Starts an answer. @returns Its element, and what is read aloud when it has ended. */
function answerOf(page: Page, { beginning, voice, how }: { beginning: string; voice: string | undefined; how: How }) {
  const id = newId()
  const [words, end] = [el('span', {}), el('p', { class: 'quiet end' }, '…')]
  const line = el('p', { class: 'words' }, el('span', { class: 'quiet' }, beginning), words)
  const title = voice === undefined ? 'The model alone' : titleOf(voice)
  const element = el(
    'div',
    { class: 'answered', attributes: { 'data-voice': voice ?? '', 'data-seed': String(how.seed) } },
    el('strong', {}, title),
    line,
    end,
  )
  writing.set(id, ({ piece, tokens, seconds }) => {
    words.append(piece)
    end.textContent = rate(tokens, seconds)
  })
  const said = page.call('say', { id, text: beginning, voice, how }).finally(() => writing.delete(id))
  const ended = said.then(
    ({ ids, seconds, reason }) => {
      element.dataset.ids = JSON.stringify(ids)
      end.textContent = `${rate(ids.length, seconds)}${ends[reason]}`
      return `${title}: ${beginning}${words.textContent}${ends[reason]}`
    },
    (error: unknown) => {
      end.textContent = 'no answer'
      if (words.textContent === '') show(false, line)
      showInOwnWords('write-problem', error)
      return ''
    },
  )
  return { id, element, ended }
}

const rate = (tokens: number, seconds: number): string =>
  `${tokens} ${tokens === 1 ? 'token' : 'tokens'}, ${Math.round(tokens / seconds)} a second`

function announce(text: string): void {
  if (text === '') return
  const log = byId('heard')
  log.append(el('p', {}, text))
  if (log.children.length > heard) log.firstElementChild?.remove()
}
