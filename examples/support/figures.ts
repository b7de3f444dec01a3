// Figures as SVG and PNG.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { line, plot, dot } from '@observablehq/plot'
import { Resvg } from '@resvg/resvg-js'
import { parseHTML } from 'linkedom'

export interface Point {
  epoch: number
  value: number
  series: string
}

/** Draws a quantity against the epoch, a line a series, and writes NAME.svg and NAME.png. */
export function drawFigure(
  folder: string,
  name: string,
  points: readonly Point[],
  { title, label }: { title: string; label: string },
): void {
  const { document } = parseHTML('<!doctype html><html><body></body></html>')
  const series = [...new Set(points.map((point) => point.series))]
  const chart = plot({
    document: document as unknown as Document,
    width: 640,
    height: 400,
    marginLeft: 60,
    marginTop: 40,
    style: { background: 'white', fontFamily: 'DejaVu Sans, Arial, sans-serif' },
    x: { label: 'epoch', ticks: Math.min(10, Math.max(...points.map((point) => point.epoch))), tickFormat: 'd' },
    y: { label, grid: true },
    color: { domain: series, range: ['#4269d0', '#efb118', '#ff725c', '#6cc5b0'] },
    marks: [
      line(points, { x: 'epoch', y: 'value', z: 'series', stroke: 'series', strokeWidth: 2 }),
      dot(points, { x: 'epoch', y: 'value', fill: 'series' }),
    ],
  })
  chart.setAttribute('xmlns', 'http://www.w3.org/2000/svg')
  const legend = series
    .map(
      (text, i) =>
        `<g transform="translate(${70 + 150 * i},32)"><rect width="10" height="10" y="-9" fill="${['#4269d0', '#efb118', '#ff725c', '#6cc5b0'][i]}"/><text x="15" font-size="12">${text}</text></g>`,
    )
    .join('')
  const heading = `<text x="60" y="16" font-size="14" font-weight="bold">${title}</text>`
  const svg = chart.outerHTML.replace(
    /<\/svg>$/,
    `<g font-family="DejaVu Sans, Arial, sans-serif">${heading}${legend}</g></svg>`,
  )
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, `${name}.svg`), svg)
  writeFileSync(
    join(folder, `${name}.png`),
    new Resvg(svg, { fitTo: { mode: 'zoom', value: 2 }, font: { loadSystemFonts: true } }).render().asPng(),
  )
}
