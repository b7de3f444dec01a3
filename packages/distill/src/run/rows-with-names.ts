// Rows whose labels are indices of names that the option labels gives, as in the rows of readTable.

import { withClassNames } from '@cola/data'
import type { DistillOptions, DistillRow } from './options.ts'

type Rows = Pick<DistillOptions, 'train' | 'validation' | 'heldOut' | 'labels'>

/** Options with names in place of indices. @throws {DataError} naming the part and the row, as `withClassNames` does. */
export function namedRowsOf<Options extends Rows>(options: Options): Options {
  const { labels, heldOut } = options
  if (typeof labels?.[0] !== 'string') return options
  const named = <Part>(part: Part, where: string): Part | DistillRow[] =>
    Array.isArray(part) ? withClassNames<DistillRow>(part, labels, where) : part
  const parts = ['train', 'validation'] as const
  return {
    ...options,
    ...Object.fromEntries(parts.filter((name) => name in options).map((name) => [name, named(options[name], name)])),
    ...(heldOut && {
      heldOut: Object.fromEntries(
        Object.entries(heldOut).map(([name, rows]) => [name, named(rows, `heldOut.${name}`)]),
      ),
    }),
  }
}
