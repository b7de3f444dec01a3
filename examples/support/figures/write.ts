// Text elements at measured places.

import { type Font, widthOf } from './text.ts'

/** From line to line, in pixels. */
export const lineHeight = ({ size }: Font): number => 1.25 * size

export interface Place {
  /** Pixels: the end of the lines that `anchor` names, and the middle of the first line. */
  x: number
  y: number
  font: Font
  /** @default 'start' */
  anchor?: 'start' | 'middle' | 'end'
  /** Degrees, clockwise. @default 0 */
  rotate?: number
}

export function append(parent: Element, name: string, attributes: Readonly<Record<string, string | number>>): Element {
  const element = parent.ownerDocument.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value))
  return parent.appendChild(element)
}

/** Keeps a text's measured length where a viewer has another font. */
export function keepLength(text: Element, font: Font): void {
  text.setAttribute('textLength', widthOf(text.textContent ?? '', font).toFixed(2))
  text.setAttribute('lengthAdjust', 'spacingAndGlyphs')
}

export function write(
  parent: Element,
  lines: readonly string[],
  { x, y, font, anchor = 'start', rotate = 0 }: Place,
): void {
  for (const [i, line] of lines.entries()) {
    const text = append(parent, 'text', {
      transform: `translate(${x},${y}) rotate(${rotate})`,
      y: i * lineHeight(font) + 0.36 * font.size,
      'font-size': font.size,
      'font-weight': font.weight,
      'text-anchor': anchor,
    })
    text.textContent = line
    keepLength(text, font)
  }
}
