// The first section: examples from a sample, a table, or typed under headings.

import type { ReadTable, Row } from '../messages.ts'
import { type SampleName, samples } from '../samples.ts'
import { byId, el, fill, show } from './dom.ts'
import { card, tableHead } from './parts.ts'
import { attempt, showProblem } from './problems.ts'
import type { Page } from './state.ts'
import { makeTabs } from './tabs.ts'
import { plural } from './words.ts'

/** Rows of the preview. */
const shown = 5

export function examplesSection(page: Page): void {
  let warnings: readonly string[] = []
  const use: Use = (tableName, rows, found = []) => {
    warnings = found
    page.change({ rows, tableName })
  }
  page.watch(['rows'], ({ rows }) => showRows(rows, warnings))
  const refresh = { 'tab-sample': sampleTab(page, use), 'tab-table': tableTab(page, use), 'tab-typed': typedTab(use) }
  const { choose } = makeTabs(byId('example-tabs'), (id) => {
    showProblem('table-problem')
    refresh[id as keyof typeof refresh]()
  })
  // A file may be dropped on any tab.
  const section = byId('examples')
  section.addEventListener('dragover', (event) => {
    event.preventDefault()
    byId('drop').classList.add('over')
  })
  section.addEventListener('dragleave', () => byId('drop').classList.remove('over'))
  section.addEventListener('drop', (event) => {
    event.preventDefault()
    byId('drop').classList.remove('over')
    const file = event.dataTransfer?.files[0]
    if (!file) return
    choose('tab-table')
    const input = byId('file', HTMLInputElement)
    const files = new DataTransfer()
    files.items.add(file)
    input.files = files.files
    input.dispatchEvent(new Event('change'))
  })
}

type Use = (tableName: string, rows: readonly Row[], warnings?: readonly string[]) => void

function sampleTab(page: Page, use: Use): () => void {
  let chosen: SampleName | undefined
  const refresh = async () => {
    const asked = chosen
    const rows = asked ? await attempt('table-problem', () => page.call('sample', asked)) : []
    if (rows && chosen === asked && !byId('panel-sample').hidden) use(asked ?? '', rows)
  }
  byId('samples').append(
    ...samples.map(({ name, title, about }, i) =>
      card({ group: 'sample', value: name, id: `sample-${i}`, title, about }, () => {
        chosen = name
        void refresh()
      }),
    ),
  )
  return () => void refresh()
}

function tableTab(page: Page, use: Use): () => void {
  const [file, paste] = [byId('file', HTMLInputElement), byId('paste', HTMLTextAreaElement)]
  const [text, label] = [byId('text-column', HTMLSelectElement), byId('label-column', HTMLSelectElement)]
  let source: { content: string | File; name: string } | undefined
  const offer = ({ columns, textColumn, labelColumn }: ReadTable) => {
    for (const [select, value] of [
      [text, textColumn],
      [label, labelColumn],
    ] as const) {
      fill(select, ...columns.map((name) => el('option', { value: name }, name)))
      select.value = value
    }
    show(columns.length > 2, byId('columns'))
  }
  const read = async (columns: { textColumn?: string; labelColumn?: string } = {}) => {
    if (!source) return use('', [])
    const asked = source
    const table = await attempt('table-problem', () => page.call('table', { ...asked, ...columns }))
    if (source !== asked) return
    if (!table) return use('', [])
    offer(table)
    use(asked.name.replace(/\.\w+$/, ''), table.rows, table.warnings)
  }
  file.addEventListener('change', () => {
    const [chosen] = file.files ?? []
    if (!chosen) return
    source = { content: chosen, name: chosen.name }
    paste.value = ''
    byId('file-name').textContent = chosen.name
    show(false, byId('columns'))
    void read()
  })
  let typing: ReturnType<typeof setTimeout> | undefined
  paste.addEventListener('input', () => {
    clearTimeout(typing)
    typing = setTimeout(() => {
      source = paste.value.trim() === '' ? undefined : { content: paste.value, name: 'pasted' }
      file.value = ''
      byId('file-name').textContent = ''
      show(false, byId('columns'))
      void read()
    }, 300)
  })
  for (const select of [text, label])
    select.addEventListener('change', () => void read({ textColumn: text.value, labelColumn: label.value }))
  return () => void read()
}

function typedTab(use: Use): () => void {
  const list = byId('headings')
  const refresh = () => {
    const rows = [...list.querySelectorAll('.heading')].flatMap((heading) => {
      const label = heading.querySelector('input')?.value.trim() ?? ''
      const lines = heading.querySelector('textarea')?.value.split('\n') ?? []
      return lines
        .map((line) => line.trim())
        .filter((line) => line !== '' && label !== '')
        .map((text) => ({ text, label }))
    })
    use('typed', rows)
  }
  const add = () => {
    const number = list.children.length + 1
    const heading = el(
      'div',
      { class: 'heading' },
      el('label', { htmlFor: `heading-${number}` }, `Answer ${number}`),
      el('input', { type: 'text', id: `heading-${number}`, on: { input: refresh } }),
      el('label', { htmlFor: `lines-${number}` }, 'Its examples'),
      el('textarea', { id: `lines-${number}`, rows: 6, on: { input: refresh } }),
    )
    list.append(heading)
    return heading
  }
  add()
  add()
  byId('add-heading').addEventListener('click', () => add().querySelector('input')?.focus())
  return refresh
}

function showRows(rows: readonly Row[], warnings: readonly string[]): void {
  const classes = [...new Set(rows.map(({ label }) => label))]
  const summary = byId('table-summary')
  if (rows.length === 0) fill(summary)
  else {
    const sizes = classes.slice(0, 8).map((label) => `${label} ${rows.filter((row) => row.label === label).length}`)
    const more = classes.length > sizes.length ? ` and ${classes.length - sizes.length} more` : ''
    fill(
      summary,
      el('strong', {}, `${plural(rows.length, 'row')}, ${plural(classes.length, 'class', 'classes')}`),
      `: ${sizes.join(', ')}${more}.`,
      classes.length < 2 && ' One more class is needed, to tell apart.',
      ...warnings.map((warning) => el('span', { class: 'warning' }, ` ${warning}`)),
    )
  }
  fill(
    byId('table-preview'),
    rows.length > 0 &&
      el(
        'table',
        { class: 'preview' },
        el('caption', { class: 'hidden' }, 'The first rows'),
        tableHead('Text', 'Answer'),
        el(
          'tbody',
          {},
          ...rows.slice(0, shown).map(({ text, label }) => el('tr', {}, el('td', {}, text), el('td', {}, label))),
        ),
      ),
  )
}
