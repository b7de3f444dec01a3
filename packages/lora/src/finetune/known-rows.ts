// The rows of a head whose classes an adapter has, where the head has others too: they go on, and the others start anew.

import { float32, type Tensor, toFloat32 } from '@cola/graph'
import { type Head, isSameHead } from '../inject/head.ts'

type Named = readonly (readonly [name: string, value: Tensor])[]

/** Whether heads read the same, for whatever classes; what is not known of one is as in the other. */
export function readsTheSame(head: Head | undefined, { labels: _, ...trained }: Partial<Head> = {}): boolean {
  return !head || isSameHead(head, { ...head, ...trained, num_labels: head.num_labels })
}

/** The classes of a head that are among those of an adapter's head, by their rows there. */
export function knownClasses(
  head: Head | undefined,
  names: readonly string[] | undefined = [],
): ReadonlyMap<string, number> {
  const rows = new Map(names.map((label, row) => [label, row]))
  const labels = head?.labels ?? []
  return new Map(labels.flatMap((label) => (rows.has(label) ? [[label, rows.get(label) as number]] : [])))
}

/**
 * First values of a head, [classes, width] and [classes], with the rows of the known classes.
 * @param fresh Drawn values, by name.
 * @param trained The adapter's, by the same names; those of other widths are left.
 */
export function withKnownRows(
  fresh: Named,
  trained: ReadonlyMap<string, Tensor>,
  labels: readonly string[],
  known: ReadonlyMap<string, number>,
): Named {
  return fresh.map(([name, value]) => {
    const before = trained.get(name)
    if (!before || before.dims.slice(1).join() !== value.dims.slice(1).join()) return [name, value] as const
    const [from, to] = [toFloat32(before), Float32Array.from(toFloat32(value))]
    const width = to.length / labels.length
    for (const [row, label] of labels.entries()) {
      const at = known.get(label)
      if (at !== undefined) to.set(from.subarray(at * width, (at + 1) * width), row * width)
    }
    return [name, float32(value.dims, to)] as const
  })
}
