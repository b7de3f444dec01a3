// Rows of preferences, as TRL's DPO and reward models have them, which nothing here learns from.

import { DataError } from '@cola/data'
import { presentIn } from './other-form.ts'

/** Whether a row has an answer that was chosen, and one that was rejected. */
export const isPreference = (row: object): boolean =>
  ['chosen', 'rejected'].every((name) => presentIn(row).includes(name))

/** The error of such a row. */
export function preferences(row: object, where: string): DataError {
  const { prompt, chosen } = row as { prompt?: unknown; chosen?: unknown }
  const [names, values] =
    prompt !== undefined
      ? ['prompt, chosen', 'prompt, completion: chosen']
      : ['chosen', Array.isArray(chosen) ? 'messages: chosen' : 'text: chosen']
  return new DataError({
    where,
    what: 'a row of preferences, from which nothing is learned here: there is no DPO and no reward model',
    expected: 'text; or prompt, completion; or messages',
    found: presentIn(row).join(', '),
    fix:
      'To learn the chosen answers alone, which is another training, leave out the rejected ones: ' +
      `rows.map(({ ${names} }) => ({ ${values} })).`,
  })
}
