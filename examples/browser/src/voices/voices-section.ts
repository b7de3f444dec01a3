// The voices: their texts, their training, and what is loaded and downloaded.

import { byId, el, fill, show } from '../page/dom.ts'
import { saveFile } from '../page/save-file.ts'
import { bytesText, durationText } from '../page/words.ts'
import type { Voice } from './messages.ts'
import { attempt } from './own-words.ts'
import { newId, type Page } from './state.ts'
import { voiceTexts } from './texts.ts'

/** What a voice is called on the page. */
export const titleOf = (name: string): string => voiceTexts.find((one) => one.name === name)?.title ?? name

export function voicesSection(page: Page): void {
  const files = byId('voice-files', HTMLInputElement)
  const add = (voice: Voice) =>
    page.change({ voices: [...page.state.voices.filter(({ name }) => name !== voice.name), voice] })
  const own = voiceTexts.map(({ name, title, about, texts }) => {
    const lines = el('textarea', { id: `texts-${name}`, rows: 6, value: texts.join('\n'), spellcheck: false })
    const { item, told } = row(page, name, title, about)
    item.append(
      el(
        'details',
        {},
        el('summary', {}, `${texts.length} texts`, el('span', { class: 'hidden' }, ` of ${title.toLowerCase()}`)),
        el('label', { htmlFor: lines.id }, 'One text a line'),
        lines,
      ),
    )
    return { name, title, item, told, lines }
  })

  /** Training that is under way: how many voices are done, and the number of the one that learns. */
  const run = { done: 0, id: 0, stopped: false }
  page.on('step', ({ id, share }) => {
    if (id === run.id) byId('train-progress', HTMLProgressElement).value = (run.done + share) / own.length
  })
  byId('train-stop').addEventListener('click', () => {
    run.stopped = true
    void page.call('stop', run.id)
  })
  byId('train').addEventListener('click', () => void attempt('voices-problem', () => train(page, run, own, add)))
  files.addEventListener('change', async () => {
    const picked = [...(files.files ?? [])]
    files.value = ''
    if (picked.length === 0) return
    const voice = await attempt('voices-problem', () => page.call('add', picked))
    if (!voice) return
    add(voice)
    byId('train-said').textContent = `${voice.name} is loaded: choose it below.`
  })

  page.watch(['voices', 'training'], ({ voices, training }) => {
    const loaded = voices.filter(({ name }) => own.every((one) => one.name !== name))
    const rows = [...own, ...loaded.map(({ name }) => ({ name, ...row(page, name, name, 'Loaded from your files.') }))]
    for (const { name, told } of rows) {
      const voice = voices.find((one) => one.name === name)
      told(voice ? `${bytesText(voice.bytes)}` : undefined)
    }
    // Those that are there stay: a person may be writing in them.
    const list = byId('voice-list')
    for (const { item } of own) if (!item.isConnected) list.append(item)
    for (const item of [...list.children].slice(own.length)) item.remove()
    list.append(...rows.slice(own.length).map(({ item }) => item))
    byId('train', HTMLButtonElement).disabled = training
    show(training, byId('train-stop'), byId('train-progress'))
  })
}

/** A voice's row, whose download is there when the voice is. */
function row(page: Page, name: string, title: string, about: string) {
  const size = el('span', {})
  const button = el('button', {
    type: 'button',
    id: `download-${name}`,
    textContent: 'Download',
    attributes: { 'aria-label': `Download ${title}` },
    on: {
      click: async () => {
        const file = await attempt('voices-problem', () => page.call('download', name))
        if (file) byId('train-said').textContent = saveFile(file)
      },
    },
  })
  const item = el('li', {}, el('div', {}, el('h3', {}, title), el('p', { class: 'quiet' }, about, ' ', size)), button)
  const told = (bytes: string | undefined) => {
    fill(size, bytes)
    show(bytes !== undefined, button)
  }
  return { item, told }
}

interface Own {
  name: string
  title: string
  lines: HTMLTextAreaElement
}

/** Trains the voices, one after the other. */
async function train(
  page: Page,
  run: { done: number; id: number; stopped: boolean },
  own: readonly Own[],
  add: (voice: Voice) => void,
): Promise<void> {
  const said = byId('train-said')
  const epochs = byId('epochs', HTMLInputElement).valueAsNumber
  const start = performance.now()
  Object.assign(run, { done: 0, stopped: false })
  byId('train-progress', HTMLProgressElement).value = 0
  page.change({ training: true })
  byId('train-stop').focus()
  try {
    for (const { name, title, lines } of own) {
      if (run.stopped) break
      said.textContent = `${title} is learning …`
      run.id = newId()
      const texts = lines.value.split('\n').filter((text) => text.trim() !== '')
      add(await page.call('learn', { id: run.id, name, texts, epochs }))
      run.done++
    }
    const time = durationText((performance.now() - start) / 1000)
    said.textContent = run.stopped ? 'Stopped, with what was learned.' : `Trained in ${time}. Begin a sentence below.`
  } catch (error) {
    said.textContent = ''
    throw error
  } finally {
    page.change({ training: false })
    byId('train').focus()
  }
}
