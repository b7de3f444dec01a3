// What data sets elsewhere call the columns of rows here.

import { presentIn } from './other-form.ts'

const elsewhere: Readonly<Record<string, readonly string[]>> = {
  anchor: ['query', 'question'],
  positive: ['answer', 'response', 'context', 'document', 'passage'],
  sentence1: ['sentence1', 'text1', 'sentence_a', 'premise'],
  sentence2: ['sentence2', 'text2', 'sentence_b', 'hypothesis'],
  score: ['score', 'label', 'similarity', 'similarity_score'],
  prompt: ['prompt', 'instruction', 'question', 'query', 'input'],
  completion: ['completion', 'output', 'response', 'answer', 'target', 'chosen'],
  messages: ['conversations', 'conversation', 'dialog', 'dialogue', 'turns'],
}

/** How to rename columns of a row into those of the first of some forms that it has all of. */
export function columnsFix(row: object, forms: readonly (readonly string[])[]): string | undefined {
  const present = presentIn(row)
  for (const columns of forms) {
    const theirs = columns.map((name) => elsewhere[name]?.find((other) => present.includes(other)))
    if (theirs.includes(undefined)) continue
    const renamed = columns.flatMap((name, i) => (name === theirs[i] ? [] : [`${theirs[i]} to ${name}`]))
    return `Rename ${renamed.join(', and ')}.`
  }
  return undefined
}
