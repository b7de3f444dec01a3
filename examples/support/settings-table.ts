// Settings as a table: a row for each, a column for each run.

import { markdownTable } from './document.ts'

const said = (value: unknown): string =>
  value === undefined
    ? '–'
    : typeof value === 'boolean'
      ? value
        ? 'yes'
        : 'no'
      : Array.isArray(value) || ArrayBuffer.isView(value)
        ? Array.from(value as ArrayLike<unknown>, said).join(', ')
        : String(value)

/** Settings by name, those of objects in the place of the object. */
const flat = (settings: object): [string, unknown][] =>
  Object.entries(settings).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value) && !ArrayBuffer.isView(value)
      ? flat(value)
      : [[name.replaceAll('_', ' '), value] as [string, unknown]],
  )

/** A Markdown table; a dash where a run has not the setting, no row where none has. */
export function settingsTable(runs: Readonly<Record<string, object>>): string {
  const columns = Object.values(runs).map((settings) => new Map(flat(settings)))
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))].filter((name) =>
    columns.some((column) => column.get(name) !== undefined),
  )
  return markdownTable(
    ['', ...Object.keys(runs)],
    names.map((name) => [name, ...columns.map((column) => said(column.get(name)))]),
  )
}
