// Similarity of two names, for errors that suggest what was meant.

/** Levenshtein distance: the number of insertions, deletions and replacements between two texts. */
export function editDistance(a: string, b: string): number {
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
