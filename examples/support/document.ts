// A report as Markdown, and as one HTML file that needs no other.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '@cola/train/files'
import { marked } from 'marked'
import { htmlDocument } from './dom.ts'
import { darkStyle } from './figures/styles.ts'

type Cell = string | number

/** Text in which no character is markup; an underscore inside of a word is none. */
const escaped = (text: Cell): string =>
  String(text)
    .replace(/[\\|<&*~`[\]]|\b_|_\b/g, '\\$&')
    .replace(/\s+/g, ' ')

/** A Markdown table; columns of numbers are aligned at the right. */
export function markdownTable(header: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const numeric = (i: number): boolean => rows.every((cells) => /^([-+−]?\d|–|$)/.test(String(cells[i] ?? '')))
  const lines = [
    header.map(escaped),
    header.map((_, i) => (numeric(i) ? '--:' : ':--')),
    ...rows.map((cells) => cells.map(escaped)),
  ]
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** A caption for a figure (which stands above it) or a table (which stands below): a paragraph in italics. */
export const caption = (text: string): string => `*${escaped(text)}*`

/** An image, and what it shows in words. */
export const image = (inWords: string, file: string): string => `![${escaped(inWords)}](${file})`

/** A paragraph that is a caption. */
const captionIn = (paragraph: Element | null): Element | undefined => {
  const [only, ...others] = paragraph?.tagName === 'P' ? paragraph.childNodes : []
  return others.length === 0 && only?.nodeName === 'EM' ? (only as Element) : undefined
}

/** Drawings in place of images, with the image's text for those who do not see it, and the caption that follows. */
function placeFigures(document: Document, folder: string): void {
  for (const image of document.querySelectorAll('p > img[src$=".svg"]')) {
    const paragraph = image.parentElement as Element
    const text = captionIn(paragraph.nextElementSibling)
    const figure = document.createElement('figure')
    figure.innerHTML = readFileSync(join(folder, image.getAttribute('src') ?? ''), 'utf8')
    figure.firstElementChild?.setAttribute('aria-label', image.getAttribute('alt') ?? '')
    if (text) {
      text.parentElement?.remove()
      figure.insertAdjacentHTML('beforeend', `<figcaption>${text.innerHTML}</figcaption>`)
    }
    paragraph.replaceWith(figure)
  }
}

/**
 * Tables that are wider than the page scroll by themselves. The caption before a table becomes its own, the first cell of
 * a row its header.
 */
function placeTables(document: Document): void {
  for (const table of document.querySelectorAll('table')) {
    const text = captionIn(table.previousElementSibling)
    const region = document.createElement('div')
    region.className = 'table'
    region.tabIndex = 0
    table.replaceWith(region)
    region.append(table)
    if (text) {
      text.parentElement?.remove()
      region.setAttribute('role', 'region')
      region.setAttribute('aria-label', text.textContent ?? '')
      table.insertAdjacentHTML('afterbegin', `<caption>${text.innerHTML}</caption>`)
    }
    for (const cell of table.querySelectorAll('thead th')) cell.setAttribute('scope', 'col')
    for (const cell of table.querySelectorAll('tbody td:first-child')) {
      const header = document.createElement('th')
      header.setAttribute('scope', 'row')
      header.innerHTML = cell.innerHTML
      cell.replaceWith(header)
    }
  }
}

/** Writes report.md and report.html to a folder; figures, ![in words](NAME.svg), are drawn into the HTML. */
export async function writeReport(folder: string, title: string, markdown: string): Promise<void> {
  writeFileAtomic(join(folder, 'report.md'), markdown)
  const document = htmlDocument(`<main>${await marked.parse(markdown)}</main>`)
  placeFigures(document, folder)
  placeTables(document)
  const style = readFileSync(join(import.meta.dirname, 'document.css'), 'utf8')
  const head = [
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    `<title>${title.replaceAll('&', '&amp;').replaceAll('<', '&lt;')}</title>`,
    `<style>\n${style}@media (prefers-color-scheme: dark) {\n  ${darkStyle}\n}\n</style>`,
  ]
  writeFileAtomic(
    join(folder, 'report.html'),
    `<!doctype html>\n<html lang="en">\n<head>\n${head.join('\n')}\n</head>\n${document.body.outerHTML}\n</html>\n`,
  )
}
