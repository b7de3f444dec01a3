// No text of a figure leaves the image, meets another text, or lies on a line or marker: measured on pixels.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DOMParser } from 'linkedom'
import { afterAll, describe, expect, it } from 'vitest'
import { rasterize } from './figures/raster.ts'
import { epochTicks, valueDomain } from './figures/scales.ts'
import { styleOf } from './figures/styles.ts'
import { drawFigure, type FigureOptions, type Point } from './figures.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-figures-'))
afterAll(() => rmSync(out, { recursive: true }))

const series = (name: string, epochs: number, value: (epoch: number) => number): Point[] =>
  Array.from({ length: epochs }, (_, i) => ({ epoch: i + 1, value: value(i + 1), series: name }))
const two = (epochs: number, value: (epoch: number) => number): Point[] => [
  ...series('train', epochs, value),
  ...series('validation', epochs, (epoch) => 0.9 * value(epoch)),
]
const accuracy: FigureOptions = {
  title: 'Accuracy',
  label: 'accuracy',
  percent: true,
  bounds: [0, 1],
  majority: 0.6926,
}
const loss: FigureOptions = { title: 'Loss', label: 'loss (nats)', bounds: [0, Number.POSITIVE_INFINITY] }
const mcc: FigureOptions = { title: 'MCC', label: 'Matthews correlation', bounds: [-1, 1], majority: 0 }
const five = ['one', 'two', 'three', 'four', 'five']
const path =
  '/home/somebody/models/a-model-with-a-name-that-has-no-space-and-does-not-end/checkpoints/step-12000/model.onnx'

const inputs: Record<string, [points: Point[], options: FigureOptions]> = {
  'ten epochs': [two(10, (epoch) => 1 - 0.3 / epoch), accuracy],
  'a loss': [two(10, (epoch) => 0.7 / epoch), loss],
  'long names of series': [
    [path, 'a series whose name is a sentence that takes more than one line of the legend, as some do', 'c'].flatMap(
      (name, i) => series(name, 5, (epoch) => 0.5 + (0.1 * epoch) / (i + 2)),
    ),
    accuracy,
  ],
  'one epoch': [two(1, () => 0.8), accuracy],
  'one point': [series('train', 1, () => 0.6926), accuracy],
  'many epochs': [two(1234, (epoch) => 1 - 1 / epoch), accuracy],
  'a hundred thousand epochs': [series('train', 100_000, (epoch) => epoch), loss],
  'all values equal, and at the upper bound': [five.flatMap((name) => series(name, 6, () => 1)), accuracy],
  'all values zero': [two(4, () => 0), { ...accuracy, majority: 0 }],
  'five series': [five.flatMap((name, i) => series(name, 20, (epoch) => Math.sin(epoch / 3 + i) ** 2)), accuracy],
  'nine series': [
    [...five, ...five.slice(1).map((name) => `${name} again`)].flatMap((name, i) => series(name, 3, (e) => e * i)),
    loss,
  ],
  'negative MCC': [two(10, (epoch) => -0.4 + 0.01 * epoch), mcc],
  'MCC of both signs': [two(10, (epoch) => Math.cos(epoch)), mcc],
  'a very long title': [
    two(3, (epoch) => epoch / 9),
    { ...accuracy, title: `Fine-tuning ${path}, ${'and then '.repeat(30)}` },
  ],
  'a very long label': [
    two(3, (epoch) => epoch / 9),
    { ...loss, label: 'a quantity of which the name is longer than its axis is high, with its unit' },
  ],
  'very small values': [two(3, (epoch) => 1e-9 * epoch), loss],
  'very large values': [two(3, (epoch) => 1e12 * epoch), loss],
  'values that differ in the last digit': [series('train', 3, (epoch) => 0.3 + epoch * 2 ** -54), loss],
  'the majority above all': [two(5, () => 0.1), { ...accuracy, majority: 0.999 }],
  'the majority below all': [two(5, () => 0.999), { ...accuracy, majority: 0 }],
  'values that are not finite': [
    series('train', 5, (epoch) => [1, Number.NaN, 3, Number.POSITIVE_INFINITY, 2][epoch - 1] as number),
    loss,
  ],
  'no finite value': [series('train', 3, () => Number.NaN), loss],
  'no points': [[], accuracy],
  'markup and other scripts': [
    series('a < b & "c"\n\u0001\ud800', 3, (epoch) => epoch),
    { ...loss, title: 'Точность, ακρίβεια, é <b>&amp;</b>' },
  ],
}

interface Box {
  text: string
  left: number
  right: number
  top: number
  bottom: number
}

/** An SVG with its texts only, one of them only, or all but its texts, in a view box that leaves nothing out. */
function partOf(svg: string, keep: number | 'drawing', margin: number): string {
  const root = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement
  const texts = [...root.querySelectorAll('text')]
  for (const [i, text] of texts.entries()) if (i !== keep) text.remove()
  if (keep !== 'drawing') for (const shape of root.querySelectorAll('path, rect, line, circle')) shape.remove()
  const [width, height] = ['width', 'height'].map((side) => Number(root.getAttribute(side)) + 2 * margin)
  for (const [name, value] of Object.entries({ width, height, viewBox: `${-margin} ${-margin} ${width} ${height}` }))
    root.setAttribute(name, String(value))
  return root.outerHTML
}

/** The pixels that a text covers. */
function boxOf(svg: string, i: number, text: string): Box {
  const margin = 150
  const { width, height, pixels } = rasterize(partOf(svg, i, margin))
  const box = { text, left: width, right: -1, top: height, bottom: -1 }
  for (let y = 0, at = 3; y < height; y++)
    for (let x = 0; x < width; x++, at += 4)
      if (pixels[at]) {
        box.left = Math.min(box.left, x)
        box.right = Math.max(box.right, x)
        box.top = Math.min(box.top, y)
        box.bottom = Math.max(box.bottom, y)
      }
  const { left, right, top, bottom } = box
  return { text, left: left - margin, right: right - margin, top: top - margin, bottom: bottom - margin }
}

const meet = (a: Box, b: Box): boolean =>
  a.left <= b.right && b.left <= a.right && a.top <= b.bottom && b.top <= a.bottom

/** Tells of a box how many of its pixels lines and markers cover. */
function inkOf(drawing: string): (box: Box) => number {
  const { width, pixels } = rasterize(drawing)
  return ({ left, right, top, bottom }) => {
    let count = 0
    for (let y = top; y <= bottom; y++)
      for (let x = left; x <= right; x++)
        if ([0, 1, 2].some((channel) => pixels[4 * (y * width + x) + channel] !== 255)) count++
    return count
  }
}

const words = (text: string): string => text.replace(/[\s\p{Cc}\p{Cs}]+/gu, '')

describe('figures', () => {
  it.each(Object.entries(inputs))('%s', (name, [points, options]) => {
    drawFigure(out, name, points, options)
    const svg = readFileSync(join(out, `${name}.svg`), 'utf8')
    const root = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement
    const texts = [...root.querySelectorAll('text')].map((text) => text.textContent ?? '')
    const boxes = texts.map((text, i) => boxOf(svg, i, text))
    const [width, height] = ['width', 'height'].map((side) => Number(root.getAttribute(side))) as [number, number]

    const outside = ({ left, right, top, bottom }: Box) =>
      left < 2 || top < 2 || right > width - 3 || bottom > height - 3
    expect(boxes.filter(outside)).toEqual([])
    expect(
      boxes.flatMap((a, i) =>
        boxes
          .slice(i + 1)
          .filter((b) => meet(a, b))
          .map((b) => [a, b]),
      ),
    ).toEqual([])
    const ink = inkOf(partOf(svg, 'drawing', 0))
    expect(boxes.filter((box) => ink(box) > 0)).toEqual([])

    // Every text is there in full, and drawn.
    expect(boxes.filter(({ left, right }) => right <= left)).toEqual([])
    const all = words(texts.join(''))
    for (const text of [options.title, options.label, ...points.slice(0, 1).map((point) => point.series)])
      expect(all).toContain(words(text))
    const png = readFileSync(join(out, `${name}.png`))
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([3 * width, 3 * height].map(Math.round))
  })
})

describe('what tells series apart', () => {
  it('is more than colour: no two of 35 share colour and marker, no two of five share any', () => {
    const styles = Array.from({ length: 35 }, (_, i) => styleOf(i))
    expect(new Set(styles.map(({ color, symbol }) => `${color} ${symbol}`)).size).toBe(35)
    for (const key of ['color', 'symbol', 'dashes'] as const)
      expect(new Set(styles.slice(0, 5).map((style) => style[key])).size).toBe(5)
  })

  it('holds without colour: lines of five series differ in dashes, their samples in the legend too', () => {
    drawFigure(out, 'dashes', inputs['five series']?.[0] ?? [], accuracy)
    const svg = readFileSync(join(out, 'dashes.svg'), 'utf8')
    const root = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement
    const dashes = (i: number) =>
      [...root.querySelectorAll(`.series-${i}[aria-label="line"]`)].map((line) => line.getAttribute('stroke-dasharray'))
    const lines = [0, 1, 2, 3, 4].map(dashes)
    expect(lines.map(({ length }) => length)).toEqual([2, 2, 2, 2, 2])
    expect(lines.every(([curve, sample]) => curve === sample)).toBe(true)
    expect(new Set(lines.map(([curve]) => curve)).size).toBe(5)
  })
})

describe('a figure in words', () => {
  it('says what it shows, with units', () => {
    const points = [...series('train', 3, (epoch) => epoch / 4), ...series('validation', 1, () => 0.5)]
    const inWords = drawFigure(out, 'words', points, accuracy)
    expect(inWords).toBe(
      [
        'Accuracy. Line chart of accuracy (%) against epoch',
        'train: from 25.00% at epoch 1 to 75.00% at epoch 3, between 25.00% and 75.00%',
        'validation: 50.00% at epoch 1',
        'majority class: 69.26%',
      ].join('. '),
    )
    expect(readFileSync(join(out, 'words.svg'), 'utf8')).toContain(`role="img"`)
  })
})

describe('domains', () => {
  it.each<[string, number[], readonly [number, number], readonly [number, number]]>([
    ['hold the majority line and some room', [0.9, 0.6926], [0, 1], [0.68223, 0.91037]],
    ['end where values cannot be', [0.7, 1], [0, 1], [0.685, 1]],
    ['start at zero where values span three quarters of what lies above it', [0.1, 0.5], [0, 1], [0, 0.52]],
    ['do not for accuracies above a majority of half', [0.5, 1], [0, 1], [0.475, 1]],
    ['have an extent where all values are equal', [0.5, 0.5], [0, 1], [0.45, 0.55]],
    ['also at a bound', [1, 1], [0, 1], [0.9, 1]],
    ['also at zero', [0], [0, 1], [0, 1]],
    ['hold negative values', [-0.4, -0.3], [-1, 1], [-0.405, -0.295]],
    ['leave out what is not finite', [Number.NaN, 2, 3, Number.POSITIVE_INFINITY], [0, 10], [1.95, 3.05]],
  ])('%s', (_, values, bounds, domain) => {
    const [low, high] = valueDomain(values, bounds)
    expect(low).toBeCloseTo(domain[0], 10)
    expect(high).toBeCloseTo(domain[1], 10)
  })

  it('have whole epochs at their ticks', () => {
    expect(epochTicks([1, 10], 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
    expect(epochTicks([1, 40], 10)).toEqual([5, 10, 15, 20, 25, 30, 35, 40])
    expect(epochTicks([0.5, 1.5], 10)).toEqual([1])
    expect(epochTicks([1, 100_000], 6)).toEqual([20_000, 40_000, 60_000, 80_000, 100_000])
  })
})
