// Where a legend's samples and names stand: side by side while there is room, else on further rows.

import { type Font, widest, wrap } from './text.ts'
import { lineHeight } from './write.ts'

/** Pixels: length of a sample, from it to its name, from the name to the next sample. */
export const legendSizes = { sample: 32, gap: 6, space: 18 }

export interface Entry {
  lines: string[]
  /** Left end of the sample and the middle of the first line, in pixels from the legend's corner. */
  x: number
  y: number
}

export function legend(names: readonly string[], width: number, font: Font): { entries: Entry[]; height: number } {
  const { sample, gap, space } = legendSizes
  const entries: Entry[] = []
  let [x, top, rows] = [0, 0, 0]
  for (const name of names) {
    const lines = wrap(name, width - sample - gap, font)
    const length = sample + gap + widest(lines, font)
    if (x > 0 && x + length > width) [x, top, rows] = [0, top + rows * lineHeight(font) + 3, 0]
    entries.push({ lines, x, y: top + lineHeight(font) / 2 })
    x += length + space
    rows = Math.max(rows, lines.length, 1)
  }
  return { entries, height: top + rows * lineHeight(font) }
}
