// Lines of text with their true widths.

import { svgDocument } from '../dom.ts'
import { fontFamily, inkWidth } from './raster.ts'

export interface Font {
  /** Pixels. */
  size: number
  weight: 400 | 600
}

/** A text in one line, without what XML cannot hold. */
export const oneLine = (text: string): string => text.replace(/[\s\p{Cc}\p{Cs}\uFFFE\uFFFF]+/gu, ' ').trim()

const widths = new Map<string, number>()

function drawn(text: string, { size, weight }: Font): string {
  const { documentElement: svg } = svgDocument()
  const element = svg.appendChild(svg.ownerDocument.createElementNS(svg.namespaceURI, 'text'))
  const attributes = { 'font-family': fontFamily, 'font-size': size, 'font-weight': weight, 'xml:space': 'preserve' }
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value))
  element.textContent = text
  return svg.outerHTML
}

/** Advance width of a text in pixels: what its ink adds between two bars. */
export function widthOf(text: string, font: Font): number {
  const key = JSON.stringify([text, font])
  const known = widths.get(key)
  if (known !== undefined) return known
  const width = inkWidth(drawn(`|${text}|`, font)) - inkWidth(drawn('||', font))
  widths.set(key, width)
  return width
}

/** Breaks a word that is wider than a line. */
function pieces(word: string, width: number, font: Font): string[] {
  const lines = ['']
  for (const { segment } of new Intl.Segmenter().segment(word)) {
    const longer = `${lines.at(-1)}${segment}`
    if (lines.at(-1) === '' || widthOf(longer, font) <= width) lines[lines.length - 1] = longer
    else lines.push(segment)
  }
  return lines
}

/** A text in lines of at most a width in pixels. */
export function wrap(text: string, width: number, font: Font): string[] {
  const lines = ['']
  for (const word of oneLine(text).split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trim()
    if (widthOf(longer, font) <= width) lines[lines.length - 1] = longer
    else lines.push(...pieces(word, width, font))
  }
  return lines[0] === '' ? lines.slice(1) : lines
}

export const widest = (lines: readonly string[], font: Font): number =>
  Math.max(0, ...lines.map((line) => widthOf(line, font)))
