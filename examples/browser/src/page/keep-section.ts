// Downloads: what was trained, in the forms that other programs read.

import type { DownloadKind } from '../messages.ts'
import { byId, el, fill, show } from './dom.ts'
import { attempt } from './problems.ts'
import { saveFile } from './save-file.ts'
import type { Page } from './state.ts'

const kinds: Readonly<Record<DownloadKind, { title: string; about: string }>> = {
  adapter: { title: 'The adapter', about: "PEFT's two files. Python's PeftModel reads them, and so does this page." },
  classifier: { title: 'The classifier', about: 'Model and adapter in one, for transformers.js and any ONNX Runtime.' },
  site: { title: 'A page that classifies', about: 'A small folder for any static host: it needs nothing else.' },
  student: { title: 'The student', about: 'The small network as ONNX, after distilling.' },
}

export function keepSection(page: Page): void {
  const save = async (kind: DownloadKind, button: HTMLButtonElement) => {
    const { adapter } = page.state
    if (!adapter) return
    button.disabled = true
    const file = await attempt('keep-problem', () => page.call('download', { kind, adapter: adapter.name }))
    button.disabled = false
    if (!file) return
    byId('keep-said').textContent = saveFile(file)
  }
  const buttons = Object.entries(kinds).map(([kind, { title, about }]) => {
    const button = el('button', { type: 'button', id: `download-${kind}` }, 'Download')
    button.setAttribute('aria-label', `Download ${title.toLowerCase()}`)
    button.addEventListener('click', () => void save(kind as DownloadKind, button))
    return {
      kind,
      button,
      item: el('li', {}, el('div', {}, el('h3', {}, title), el('p', { class: 'quiet' }, about)), button),
    }
  })
  fill(byId('downloads'), ...buttons.map(({ item }) => item))
  page.watch(['adapter', 'student', 'run'], ({ adapter, student, run }) => {
    show(adapter !== undefined, byId('keep'))
    for (const { kind, button } of buttons) button.disabled = run !== 'idle' || (kind === 'student' && !student)
  })
  page.watch(['adapter'], () => {
    byId('keep-said').textContent = ''
  })
}
