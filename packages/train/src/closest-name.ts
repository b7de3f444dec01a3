// The name that was probably meant, for errors about names that are not known.

/** A name without its case, underscores and other signs: `learningRate` and `learning_rate` are one. */
const plain = (name: string): string => name.toLowerCase().replace(/[^a-z0-9]/g, '')

/**
 * The known name closest to an unknown one: written in another case, within a longer name (`num_train_epochs` has
 * `epochs`), or with at most two typing errors; undefined if none is close.
 */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name)
  const within = known.filter((one) => wanted.includes(plain(one)) && plain(one).length > 3)
  const rated = known.map((one) => ({ one, distance: editDistance(plain(one), wanted) }))
  const near = rated.filter(({ one, distance }) => distance <= Math.min(2, plain(one).length / 3))
  return (
    near.sort((a, b) => a.distance - b.distance)[0]?.one ?? within.sort((a, b) => plain(b).length - plain(a).length)[0]
  )
}

/** Levenshtein's distance: insertions, deletions and replacements that make one text of the other. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++)
      row[j] = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + Number(a[i - 1] !== b[j - 1]),
      )
  }
  return row[b.length] as number
}
