// Similarity of two names, for errors that suggest what was meant.

/**
 * Optimal string alignment: the number of insertions, deletions, replacements and swaps of neighbours between two texts.
 */
export function editDistance(a: string, b: string): number {
  let before: number[] = []
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const above = row
    row = [i]
    for (let j = 1; j <= b.length; j++) {
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      row[j] = Math.min(
        (above[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (above[j - 1] as number) + Number(a[i - 1] !== b[j - 1]),
        isSwapped ? (before[j - 2] as number) + 1 : Infinity,
      )
    }
    before = above
  }
  return row[b.length] as number
}
