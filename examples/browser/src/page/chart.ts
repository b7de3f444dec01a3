// A line chart that grows: SVG, redrawn a few times a second.

import { svg } from './dom.ts'

export interface Point {
  x: number
  y: number
}

export interface Chart {
  /** Points of the two lines; the second has dots. */
  readonly set: (a: readonly Point[], b: readonly Point[]) => void
}

export interface ChartOptions {
  /** What it shows, for those who do not see it. */
  label: string
  /** Greatest x. */
  end: () => number
  /** Range of y. @default from 0 to the greatest value */
  range?: readonly [number, number]
  format: (y: number) => string
}

const [width, height] = [320, 150]

/** Milliseconds between two drawings. */
const interval = 200
const inset = { left: 40, right: 8, top: 8, bottom: 18 }

/** Draws in a place of the page. */
export function lineChart(place: HTMLElement, { label, end, range, format }: ChartOptions): Chart {
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label, class: 'chart' })
  place.replaceChildren(picture)
  let lines: readonly [readonly Point[], readonly Point[]] = [[], []]
  let asked = false
  const draw = () => {
    asked = false
    const [a, b] = lines
    const values = [...a, ...b].map(({ y }) => y).filter(Number.isFinite)
    const [low, high] = range ?? [0, Math.max(1e-3, ...values) * 1.05]
    const across = (x: number) => inset.left + (x / Math.max(1, end())) * (width - inset.left - inset.right)
    const up = (y: number) => height - inset.bottom - ((y - low) / (high - low)) * (height - inset.top - inset.bottom)
    const ticks = [low, (low + high) / 2, high]
    picture.replaceChildren(
      ...ticks.flatMap((y) => [
        svg('line', { x1: inset.left, x2: width - inset.right, y1: up(y), y2: up(y), class: 'grid' }),
        svg('text', { x: inset.left - 6, y: up(y) + 3.5, 'text-anchor': 'end' }, format(y)),
      ]),
      svg('text', { x: inset.left, y: height - 4 }, '0'),
      svg('text', { x: width - inset.right, y: height - 4, 'text-anchor': 'end' }, `${end()} steps`),
      svg('path', { d: path(thinned(a), across, up), class: 'line-a raw' }),
      svg('path', { d: path(thinned(smoothed(a)), across, up), class: 'line-a' }),
      svg('path', { d: path(b, across, up), class: 'line-b' }),
      ...b.map(({ x, y }) => svg('circle', { cx: across(x), cy: up(y), r: 3, class: 'dot-b' })),
    )
  }
  draw()
  return {
    set: (a, b) => {
      lines = [a, b]
      if (asked) return
      asked = true
      setTimeout(() => requestAnimationFrame(draw), interval)
    },
  }
}

/** How much of the last value a smoothed one keeps. */
const inertia = 0.9

/** Exponential means, corrected for their beginning (Kingma & Ba 2015); a line with few points stays as it is. */
function smoothed(points: readonly Point[]): readonly Point[] {
  if (points.length < 12) return points
  let mean = 0
  return points.map(({ x, y }, i) => {
    mean = inertia * mean + (1 - inertia) * y
    return { x, y: mean / (1 - inertia ** (i + 1)) }
  })
}

/** At most as many points as the chart has columns: means of neighbours. */
function thinned(points: readonly Point[], most = 160): readonly Point[] {
  if (points.length <= most) return points
  const size = Math.ceil(points.length / most)
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) => {
    const part = points.slice(i * size, (i + 1) * size)
    const mean = (of: (point: Point) => number) => part.reduce((sum, point) => sum + of(point), 0) / part.length
    return { x: mean(({ x }) => x), y: mean(({ y }) => y) }
  })
}

const path = (points: readonly Point[], across: (x: number) => number, up: (y: number) => number): string =>
  points
    .filter(({ y }) => Number.isFinite(y))
    .map(({ x, y }, i) => `${i ? 'L' : 'M'}${across(x).toFixed(1)} ${up(y).toFixed(1)}`)
    .join('')
