// Where the parts of a figure stand. Every text is measured; the axes get what is left.

import { svgDocument } from '../dom.ts'
import { type ChartOptions, chart, type Series, samples } from './chart.ts'
import { legend, legendSizes } from './legend.ts'
import { fontFamily } from './raster.ts'
import { epochDomain, epochTicks, type Interval, valueDomain } from './scales.ts'
import { type Font, widest, wrap } from './text.ts'
import { append, keepLength, lineHeight, write } from './write.ts'

export interface Layout {
  title: string
  /** Name and unit of the y axis. */
  label: string
  /** What values can be. */
  bounds: Interval
  /** A horizontal line, and its name in lines. */
  reference?: { value: number; lines: readonly string[] } | undefined
  /** The figure in words. */
  alt: string
}

const plain: Font = { size: 12, weight: 400 }
const heading: Font = { size: 14, weight: 600 }
/** Pixels: the figure's width, the axes' height, the empty edge, what the x axis needs below, between texts. */
const [width, frame, edge, below, gap] = [480, 240, 12, 50, 6]

/** A figure as SVG; its height depends on the lines of its title and legend. */
export function layOut(series: readonly Series[], { title, label, bounds, alt, ...others }: Layout): string {
  const document = svgDocument()
  const places = series.flatMap((one) => one.places)
  const empty = !places.some(({ value }) => Number.isFinite(value))
  const reference = empty ? undefined : others.reference
  const names = series.map(({ name }) => name)

  const titleLines = wrap(title, width - 2 * edge, heading)
  const { entries, height: legendHeight } = legend(names, width - 2 * edge, plain)
  const legendTop = edge + titleLines.length * lineHeight(heading) + gap
  const top = legendTop + legendHeight + gap
  const height = top + frame + below

  const epochs = epochDomain(places.map(({ epoch }) => epoch))
  const epochWidth = widest([epochs[1].toFixed()], plain)
  const right = edge + Math.max(epochWidth / 2, reference ? gap + widest(reference.lines, plain) : 0)
  const options = (left: number): ChartOptions => ({
    ...{ width, height, margin: { top, right, bottom: below, left }, fontSize: plain.size },
    epochs: {
      domain: epochs,
      ticks: epochTicks(epochs, Math.min(10, (width - right - left) / (epochWidth + 2 * gap))),
    },
    values: valueDomain([...places.map(({ value }) => value), ...(reference ? [reference.value] : [])], bounds),
    reference: reference?.value,
    grid: !empty,
  })
  const labelLines = wrap(label, frame, plain)
  const besideTicks = edge + labelLines.length * lineHeight(plain) + 2 * gap
  const left = besideTicks + gap + widest(chart(document, series, options(0)).tickLabels, plain)
  const { svg, yOf } = chart(document, series, options(left))

  for (const text of svg.querySelectorAll('text')) keepLength(text, plain)
  write(svg, titleLines, { x: edge, y: edge + lineHeight(heading) / 2, font: heading })
  const spots = entries.map(({ x, y, lines }, i) => ({
    x: edge + x,
    y: legendTop + y,
    lines,
    ...(series[i] as Series),
  }))
  svg.append(...samples(document, spots, { width, height, length: legendSizes.sample }))
  for (const { x, y, lines } of spots)
    write(svg, lines, { x: x + legendSizes.sample + legendSizes.gap, y, font: plain })
  write(svg, labelLines, {
    ...{ x: edge + lineHeight(plain) / 2, y: top + frame / 2 },
    ...{ font: plain, anchor: 'middle', rotate: -90 },
  })
  write(svg, ['epoch'], { x: (left + width - right) / 2, y: height - edge - gap, font: plain, anchor: 'middle' })
  if (empty)
    write(svg, ['no finite values'], {
      x: (left + width - right) / 2,
      y: top + frame / 2,
      font: plain,
      anchor: 'middle',
    })
  if (reference) {
    const half = (reference.lines.length * lineHeight(plain)) / 2
    const middle = Math.min(Math.max(yOf(reference.value), top + half), top + frame - half)
    write(svg, reference.lines, { x: width - right + gap, y: middle - half + lineHeight(plain) / 2, font: plain })
  }
  svg.prepend(append(svg, 'rect', { class: 'paper', width, height, fill: 'white' }))
  const attributes = { xmlns: 'http://www.w3.org/2000/svg', role: 'img', 'aria-label': alt, 'font-family': fontFamily }
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value)
  return svg.outerHTML
}
