// A report as Markdown, and as one HTML file that needs no other.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeFileAtomic } from '@cola/train'
import { marked } from 'marked'

/** A Markdown table. */
export const markdownTable = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [header, header.map((_, i) => (i === 0 ? ':--' : '--:')), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')

const style =
  'body{font:16px/1.5 system-ui,sans-serif;max-width:960px;margin:2rem auto;padding:0 1rem;color:#222}table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .75rem;border-bottom:1px solid #ddd}th{border-bottom:2px solid #888}svg{max-width:100%;height:auto}h1,h2{line-height:1.2}'

/** Writes report.md and report.html to a folder; figures, ![title](NAME.svg), are drawn into the HTML. */
export async function writeReport(folder: string, title: string, markdown: string): Promise<void> {
  writeFileAtomic(join(folder, 'report.md'), markdown)
  const body = await marked.parse(markdown)
  const drawn = body.replace(/<img src="([\w.-]+\.svg)"[^>]*>/g, (_, name: string) =>
    readFileSync(join(folder, name), 'utf8'),
  )
  writeFileAtomic(
    join(folder, 'report.html'),
    `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${title}</title><style>${style}</style></head><body>\n${drawn}</body></html>\n`,
  )
}
