// Whether there is nothing to say of the classes of rows, so that what says it need not be loaded.

import type { Label } from '@cola/data'
import { labelsOf, type SequenceClassificationRow } from './text-rows.ts'

/** Rows of training and of validation. */
type Rows = Readonly<Record<'train' | 'validation', readonly SequenceClassificationRow[]>>

/**
 * Whether classes have two rows each, one of validation where there are any, and names that are no variants, and no text
 * has two rows.
 */
export function areClear(classes: readonly Label[], { train, validation }: Rows): boolean {
  const once = new Set<Label>()
  const [seen, judged] = [labelsOf(train), labelsOf(validation)]
  const twice = seen.filter((label) => once.size === once.add(label).size)
  const names = classes.map((label) => String(label).normalize().toLowerCase().replace(/\s/g, ''))
  const texts = [...train, ...validation].map(({ text, text_pair }) => `${text}\n${text_pair}`)
  return (
    new Set(texts).size === texts.length &&
    [twice, names, judged.length ? judged : classes].every((all) => new Set(all).size === classes.length)
  )
}
