// Sentences of three kinds for the embedded model's tokenizer, and a teacher that knows which is which.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { random, readTokenizer } from '@cola/data'
import type { DistillRow, Split, Teacher } from '../../src/index.ts'

export const modelFolder = join(import.meta.dirname, '../../../../examples/model')
/** Its files as bytes, which browsers read too. */
const tokenizerFiles = ['tokenizer.json', 'tokenizer_config.json'].map(
  (name) => [name, readFileSync(join(modelFolder, name))] as const,
)
export const tokenizer = await readTokenizer(Object.fromEntries(tokenizerFiles))

/** A sentence of a kind says who acts; all words are in the vocabulary. */
const subjects = {
  many: ['girls', 'boys', 'kings'],
  one: ['girl', 'boy', 'king'],
  thing: ['book', 'lamp', 'key'],
} as const
export type Kind = keyof typeof subjects
export const kinds = Object.keys(subjects) as Kind[]

/** Rows of three classes in turn, no two with the same text. */
export function rowsOf(count: number, seed: number): (DistillRow & { label: Kind })[] {
  const stream = random(seed, 'sentences')
  const [verbs, places] = [
    ['sleep', 'laugh', 'dance', 'smile', 'fall'],
    ['garden', 'market', 'river', 'tower', 'kitchen'],
  ]
  const rows = new Map<string, Kind>()
  for (let i = 0; rows.size < count; i++) {
    const kind = kinds[rows.size % 3] as Kind
    const pick = (words: readonly string[]) => words[stream.integer(words.length)] as string
    rows.set(`the ${pick(subjects[kind])} ${pick(verbs)} near the ${pick(places)} by the ${pick(places)}`, kind)
    if (i > 100 * count) throw new Error(`there are no ${count} sentences`)
  }
  return [...rows].map(([text, label]) => ({ text, label }))
}

export const kindOf = (text: string): Kind =>
  kinds.find((kind) => subjects[kind].some((word) => text.split(' ').includes(word))) as Kind

/** Gives each text's kind, and keeps the names of the splits that it was asked for. */
export function oracle(certainty = 3) {
  const asked: string[] = []
  const teacher: Teacher = {
    logits: async ({ name, texts }: Split) => {
      asked.push(name)
      return Float32Array.from(
        texts.flatMap((text) => kinds.map((kind) => (kind === kindOf(text) ? certainty : -certainty))),
      )
    },
    fingerprint: () => `oracle ${certainty}`,
    labels: kinds,
    tokenizer,
  }
  return { teacher, asked }
}
