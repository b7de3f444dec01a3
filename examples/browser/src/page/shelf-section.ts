// Several adapters on one model, chosen message by message.

import { samples } from '../samples.ts'
import type { AdapterSummary } from '../messages.ts'
import { byId, el, fill, show } from './dom.ts'
import { attempt } from './problems.ts'
import type { Page } from './state.ts'
import { bytesText, percent } from './words.ts'

/** Samples whose adapters the demo trains, one after the other, and how briefly. */
const demo = samples.slice(0, 3)
const demoSettings = { epochs: 6, learning_rate: 0.003, rank: 4, batch_size: 16, heldOut: 0.2, device: 'wasm' } as const
const demoRows = 240

export function shelfSection(page: Page): void {
  const [select, text] = [byId('chat-adapter', HTMLSelectElement), byId('chat-text', HTMLInputElement)]
  const files = byId('adapter-files', HTMLInputElement)
  const refresh = async () => page.change({ adapters: await page.call('adapters', undefined) })

  files.addEventListener('change', async () => {
    const picked = [...(files.files ?? [])]
    files.value = ''
    if (picked.length === 0) return
    const adapter = await attempt('shelf-problem', () => page.call('addAdapter', picked))
    if (!adapter) return
    await refresh()
    page.change({ adapter })
    select.value = adapter.name
  })

  byId('demo-adapters').addEventListener('click', () =>
    attempt('shelf-problem', async () => {
      page.change({ run: 'training' })
      try {
        for (const { name, title } of demo) {
          byId('train-said').textContent = `Training “${title}” …`
          const rows = await page.call('sample', name)
          await page.call('train', { name, rows: rows.slice(0, demoRows), settings: demoSettings })
          await refresh()
        }
      } finally {
        page.change({ run: 'idle' })
      }
    }),
  )

  byId('chat-form').addEventListener('submit', async (event) => {
    event.preventDefault()
    const asked = text.value.trim()
    const adapter = select.value
    if (asked === '' || adapter === '') return text.focus()
    text.value = ''
    text.focus()
    const answer = await attempt('shelf-problem', () => page.call('sideBySide', { adapter, text: asked }))
    if (!answer) {
      text.value ||= asked
      return
    }
    const { after, labels, milliseconds } = answer
    const share = after.probabilities[labels.indexOf(after.label)] ?? 0
    byId('chat').append(
      el(
        'li',
        {},
        el('p', { class: 'said' }, asked),
        el(
          'p',
          { class: 'answered' },
          el('strong', {}, after.label),
          ` ${percent(share)} `,
          el('span', { class: 'quiet' }, `${adapter}, ${milliseconds.toFixed(0)}\u00a0ms`),
        ),
      ),
    )
    return undefined
  })

  page.watch(['adapters', 'model', 'run', 'adapter'], ({ adapters, model, run, adapter, choice }) => {
    show(model !== undefined, byId('shelf'))
    show(choice.kind === 'embedded' && adapters.length < demo.length, byId('demo-adapters'))
    byId('demo-adapters', HTMLButtonElement).disabled = run !== 'idle'
    const chosen = select.value || adapter?.name
    fill(select, ...adapters.map(({ name }) => el('option', { value: name }, name)))
    if (adapters.some(({ name }) => name === chosen)) select.value = chosen ?? ''
    show(adapters.length > 0, byId('chat-form'))
    fill(byId('adapters'), ...adapters.map((one) => item(page, one, one.name === adapter?.name, refresh)))
  })
}

function item(page: Page, one: AdapterSummary, current: boolean, refresh: () => Promise<void>): HTMLElement {
  const { name, labels, bytes, accuracy } = one
  const score = accuracy === undefined ? '' : `, ${percent(accuracy)} right`
  const more = labels.length > 4 ? `, and ${labels.length - 4} more` : ''
  return el(
    'li',
    { class: current ? 'current' : '' },
    el(
      'div',
      {},
      el('h3', {}, name),
      el('p', { class: 'quiet' }, `${labels.slice(0, 4).join(', ')}${more}. ${bytesText(bytes)}${score}`),
    ),
    el(
      'div',
      { class: 'actions' },
      el('button', {
        type: 'button',
        textContent: current ? 'Shown above' : 'Show above',
        disabled: current,
        attributes: { 'aria-label': `${current ? 'Shown above' : 'Show above'}: ${name}` },
        on: { click: () => page.change({ adapter: one, student: false }) },
      }),
      el('button', {
        type: 'button',
        textContent: 'Remove',
        attributes: { 'aria-label': `Remove ${name}` },
        on: {
          click: async () => {
            await attempt('shelf-problem', () => page.call('dropAdapter', name))
            if (current) page.change({ adapter: undefined })
            await refresh()
          },
        },
      }),
    ),
  )
}
