// The data of the LoRA example: CoLA from a folder, a zip or GLUE on the hub; the generator where none is named.

import { readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import {
  generateSentences,
  type LabelledText,
  parseColaZip,
  random,
  readColaFolder,
  readGlueCola,
  readTable,
  readText,
  type TableOptions,
} from '@cola/data'

export interface Splits {
  name: string
  train: LabelledText[]
  validation: LabelledText[]
  /** Scored once at the end. */
  heldOut: { name: string; rows: LabelledText[] }
}

/** `generator`, `glue`, a .zip, or a folder of the public release. */
export async function loadData(source: string, seed: number): Promise<Splits> {
  if (source === 'generator') return generated(seed)
  if (source === 'glue') {
    const { train, validation } = await readGlueCola()
    return { name: 'GLUE CoLA', train, validation, heldOut: { name: 'GLUE validation', rows: validation } }
  }
  const cola = source.endsWith('.zip') ? await parseColaZip(readFileSync(source), source) : await readColaFolder(source)
  return {
    name: 'CoLA',
    train: cola.in_domain_train,
    validation: cola.in_domain_dev,
    heldOut: { name: 'out_of_domain_dev', rows: cola.out_of_domain_dev },
  }
}

function generated(seed: number): Splits {
  const train = generateSentences({ seed, count: 4000, templates: 'seen' })
  const exclude = new Set(train.map(({ text }) => text))
  return {
    name: 'generated sentences',
    train,
    validation: generateSentences({ seed: seed + 1, count: 600, templates: 'seen', exclude }),
    heldOut: {
      name: 'held-out templates',
      rows: generateSentences({ seed: seed + 2, count: 600, templates: 'held-out', exclude }),
    },
  }
}

/** Sentences that nobody labelled, none of them among the splits: the teacher's to judge. */
export function unlabelled(seed: number, { train, validation, heldOut }: Splits, count = 4000): string[] {
  const exclude = new Set([train, validation, heldOut.rows].flatMap((rows) => rows.map(({ text }) => text)))
  return generateSentences({ seed: seed + 3, count, templates: 'seen', exclude }).map(({ text }) => text)
}

export interface Classified extends Splits {
  /** Name of each class. */
  classes: string[]
}

/** CoLA's folder; or a table of one's own, of which a tenth is kept to validate and another tenth for the end. */
export async function loadTable(
  source: string,
  { seed, ...options }: TableOptions & { seed: number },
): Promise<Classified> {
  if (statSync(source, { throwIfNoEntry: false })?.isDirectory())
    return { ...(await loadData(source, seed)), classes: ['unacceptable', 'acceptable'] }
  const { rows, classes } = await readTable(source, options)
  const spread = stratified(rows, seed)
  const tenth = Math.max(1, Math.floor(rows.length / 10))
  return {
    name: basename(source),
    classes,
    train: random(seed, 'train').shuffle(spread.slice(2 * tenth)),
    validation: spread.slice(0, tenth),
    heldOut: { name: 'held-out rows', rows: spread.slice(tenth, 2 * tenth) },
  }
}

/**
 * Rows in an order in which any stretch has the classes in the shares of the whole: each class's rows are spread
 * evenly, from a random start; one or two rows lie past the stretches that are kept, in what is trained on.
 */
function stratified(rows: readonly LabelledText[], seed: number): LabelledText[] {
  const stream = random(seed, 'split')
  const shuffled = stream.shuffle(rows)
  const counts = new Map<number, number>()
  for (const { label } of shuffled) counts.set(label, (counts.get(label) ?? 0) + 1)
  const starts = new Map([...counts].map(([label, count]) => [label, count < 3 ? 0.5 : stream.uniform()]))
  const seen = new Map<number, number>()
  return shuffled
    .map((row) => {
      const before = seen.get(row.label) ?? 0
      seen.set(row.label, before + 1)
      return { row, place: (before + (starts.get(row.label) as number)) / (counts.get(row.label) as number) }
    })
    .sort((a, b) => a.place - b.place)
    .map(({ row }) => row)
}

/** The lines of a text file, up to the last that holds anything, as any system ends them. */
export async function readLines(path: string): Promise<string[]> {
  const { content } = await readText([path])
  return content.trimEnd().split(/\r\n|[\r\n]/)
}

/** Rows of a file with one JSON value a line; empty lines are passed over. */
export const readJsonLines = async <Row>(path: string): Promise<Row[]> =>
  (await readLines(path)).filter((line) => line.trim() !== '').map((line) => JSON.parse(line) as Row)

/** Texts of a file: a line each, or the field `text` of JSON lines. */
export const readTexts = async (path: string): Promise<string[]> =>
  path.endsWith('.jsonl') ? (await readJsonLines<{ text: string }>(path)).map(({ text }) => text) : readLines(path)
