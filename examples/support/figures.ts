// Figures as SVG and PNG: a quantity against the epoch.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Series } from './figures/chart.ts'
import { describe } from './figures/describe.ts'
import { layOut } from './figures/layout.ts'
import { rasterize } from './figures/raster.ts'
import { styleOf } from './figures/styles.ts'
import { oneLine } from './figures/text.ts'

export interface Point {
  epoch: number
  value: number
  series: string
}

export interface FigureOptions {
  title: string
  /** What the values are, with their unit: the name of the y axis. */
  label: string
  /** Values are shares of one, and are shown in per cent. @default false */
  percent?: boolean
  /** Least and largest value that is possible. @default none */
  bounds?: readonly [number, number]
  /** The score of the majority class, drawn as a line. @default none */
  majority?: number | undefined
}

/**
 * Draws a figure with a line for each series, in the order of their first points;
 * writes NAME.svg and NAME.png (300 dots an inch at 12 cm).
 * Values that are not finite leave a gap.
 * @returns the figure in words, for those who do not see it
 */
export function drawFigure(folder: string, name: string, points: readonly Point[], options: FigureOptions): string {
  const { title, percent = false, bounds = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY], majority } = options
  const factor = percent ? 100 : 1
  const label = percent ? `${options.label} (%)` : options.label
  const format = (value: number): string => (percent ? `${value.toFixed(2)}%` : value.toPrecision(3))
  const series: Series[] = [...new Set(points.map((point) => point.series))].map((name, i) => ({
    name,
    style: styleOf(i),
    places: points
      .filter((point) => point.series === name)
      .map(({ epoch, value }) => ({ epoch, value: factor * value })),
  }))
  const reference =
    majority === undefined
      ? undefined
      : { value: factor * majority, lines: ['majority', 'class', format(factor * majority)] }
  const alt = oneLine(describe(series, { title, label, format, majority: reference?.value }))
  const svg = layOut(series, { title, label, bounds: [factor * bounds[0], factor * bounds[1]], reference, alt })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.svg`), svg)
  writeFileSync(join(folder, `${name}.png`), rasterize(svg, 3).asPng())
  return alt
}
