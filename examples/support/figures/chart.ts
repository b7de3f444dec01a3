// The part of a figure that has axes, and the samples of its legend: the only importer of Plot.

import { axisX, axisY, dot, frame, gridY, line, type Markish, plot, ruleY } from '@observablehq/plot'
import type { Interval } from './scales.ts'
import type { Style } from './styles.ts'

export interface Place {
  epoch: number
  value: number
}

export interface Series {
  name: string
  places: readonly Place[]
  style: Style
}

export interface ChartOptions {
  width: number
  height: number
  margin: { top: number; right: number; bottom: number; left: number }
  fontSize: number
  epochs: { domain: Interval; ticks: readonly number[] }
  /** Before it is rounded to whole ticks. */
  values: Interval
  /** Value of a horizontal line. */
  reference?: number | undefined
  grid: boolean
}

/** A line, with a marker at some of its places. */
const curve = (places: readonly Place[], marked: readonly Place[], { className, symbol, dashes }: Style): Markish[] => {
  const channels = { x: 'epoch', y: 'value', className } as const
  return [
    line(places, {
      ...channels,
      stroke: 'currentColor',
      strokeWidth: 1.75,
      strokeDasharray: dashes,
      strokeLinecap: 'butt',
    }),
    dot(marked, { ...channels, fill: 'currentColor', symbol, r: 3.5 }),
  ]
}

/** At most fifteen places of the i-th of some series; where there are more, each series has its markers elsewhere. */
function thinned(places: readonly Place[], i: number, count: number): Place[] {
  const every = Math.ceil(places.length / 15)
  return places.filter((_, k) => k % every === Math.floor((every * i) / count))
}

/** Colour by `color`, which CSS can change; fill by name, since viewers differ in what an inherited currentColor is. */
function color(svg: Element, styles: readonly Style[]): void {
  for (const { className, color } of styles)
    for (const group of svg.querySelectorAll(`.${className}`)) {
      group.setAttribute('color', color)
      if (!group.hasAttribute('fill')) group.setAttribute('fill', 'currentColor')
    }
}

const dotted = { strokeDasharray: '0 4', strokeWidth: 2, strokeLinecap: 'round' } as const

export interface Chart {
  svg: Element
  /** Labels of the y axis. */
  tickLabels: string[]
  /** Where a value lies, in pixels from the top. */
  yOf: (value: number) => number
}

/** Axes, grid, reference line and curves. */
export function chart(document: Document, series: readonly Series[], options: ChartOptions): Chart {
  const { width, height, margin, fontSize, epochs, values, reference, grid } = options
  const text = { fontSize, label: null, tickSize: 4, tickPadding: 4 }
  const svg = plot({
    document,
    ...{
      width,
      height,
      marginTop: margin.top,
      marginRight: margin.right,
      marginBottom: margin.bottom,
      marginLeft: margin.left,
    },
    x: { domain: epochs.domain, inset: 8 },
    y: { domain: values, nice: true, insetTop: 6 },
    marks: [
      ...(grid ? [gridY({ ticks: 6 })] : []),
      frame({ anchor: 'left' }),
      frame({ anchor: 'bottom' }),
      axisX({ ...text, ticks: epochs.ticks, tickFormat: 'd' }),
      axisY({ ...text, ticks: 6 }),
      ...(reference === undefined ? [] : [ruleY([reference], dotted)]),
      ...series.flatMap(({ places, style }, i) => curve(places, thinned(places, i, series.length), style)),
    ],
  })
  svg.querySelector('style')?.remove()
  color(
    svg,
    series.map(({ style }) => style),
  )
  const scale = svg.scale('y')
  const labels = [...svg.querySelectorAll('[aria-label="y-axis tick label"] text')]
  return { svg, tickLabels: labels.map((text) => text.textContent ?? ''), yOf: (value) => scale?.apply(value) }
}

/** A piece of each curve, from x to x + length at y pixels, for a legend. */
export function samples(
  document: Document,
  entries: readonly { style: Style; x: number; y: number }[],
  { width, height, length }: Record<'width' | 'height' | 'length', number>,
): Element[] {
  const pixels = { type: 'identity' } as const
  const svg = plot({
    document,
    ...{ width, height, x: pixels, y: pixels, axis: null },
    marks: entries.flatMap(({ style, x, y }) => {
      const [start, middle, end] = [0, length / 2, length].map((along) => ({ epoch: x + along, value: y })) as [
        Place,
        Place,
        Place,
      ]
      return curve([start, end], [middle], style)
    }),
  })
  svg.querySelector('style')?.remove()
  color(
    svg,
    entries.map(({ style }) => style),
  )
  return [...svg.children]
}
