// A report's page: what stands in it, and in Chromium its layout on a telephone and a desk, light and dark.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { executablePath, hasChromium, headless } from '../../tools/chromium.ts'
import { caption, image, markdownTable, writeReport } from './document.ts'
import { htmlDocument } from './dom.ts'
import { drawFigure, type Point } from './figures.ts'
import { settingsTable } from './settings-table.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-document-'))
afterAll(() => rmSync(out, { recursive: true }))

const points: Point[] = ['train', 'validation', 'a model | of <somebody> & others_', 'four', 'five'].flatMap(
  (series, k) =>
    Array.from({ length: 12 }, (_, i) => ({ epoch: i + 1, value: 1 - (0.05 * k + 0.4) / (i + 1), series })),
)
const figure = (name: string): string =>
  image(
    drawFigure(out, name, points, { title: `${name}: accuracy`, label: 'accuracy', percent: true, majority: 0.6926 }),
    `${name}.svg`,
  )
const wide = Array.from({ length: 12 }, (_, i) => `column ${i}`)

let document: Document
beforeAll(async () => {
  const parts = [
    '# A title',
    'Some text.',
    figure('one'),
    caption('Figure 1. The first *figure* of a_model.'),
    figure('two'),
    caption('Figure 2. The second.'),
    caption('Table 1. Settings.'),
    settingsTable({
      with: { config: { hidden_size: 128 }, alpha: 0.8 },
      without: { config: { hidden_size: 64 }, transfer: true },
    }),
    caption('Table 2. Wide.'),
    markdownTable(['', ...wide], [['a | b\n<i>', ...wide.map((_, i) => `${i}.5%`)]]),
  ]
  await writeReport(out, 'A & <title>', parts.join('\n\n'))
  document = htmlDocument(
    readFileSync(join(out, 'report.html'), 'utf8').replace(/^[\s\S]*<body>|<\/body>[\s\S]*$/g, ''),
  )
})

describe('a report', () => {
  it('has figures with captions, and words for those who do not see them', () => {
    const figures = [...document.querySelectorAll('figure')]
    expect(figures.map((one) => one.querySelector('figcaption')?.textContent)).toEqual([
      'Figure 1. The first *figure* of a_model.',
      'Figure 2. The second.',
    ])
    for (const one of figures) {
      expect(one.querySelector('svg')?.getAttribute('role')).toBe('img')
      const inWords = one.querySelector('svg')?.getAttribute('aria-label')
      expect(inWords).toMatch(/accuracy\. Line chart of accuracy \(%\) against epoch\. train: from 60\.00% at epoch 1/)
      expect(inWords).toContain('a model | of <somebody> & others_: from')
      expect(inWords).toMatch(/majority class: 69\.26%$/)
    }
    expect(document.querySelectorAll('img').length).toBe(0)
  })

  it('has settings as a table: rows of objects within, a dash where a run has none', () => {
    const [table] = document.querySelectorAll('table')
    const rows = [...(table?.querySelectorAll('tr') ?? [])].map((row) =>
      [...row.children].map((cell) => cell.textContent),
    )
    expect(rows).toEqual([
      ['', 'with', 'without'],
      ['hidden size', '128', '64'],
      ['alpha', '0.8', '–'],
      ['transfer', '–', 'yes'],
    ])
    expect(table?.querySelector('caption')?.textContent).toBe('Table 1. Settings.')
    expect(document.body.textContent?.includes('{')).toBe(false)
  })

  it('has cells that markup cannot leave', () => {
    const [, table] = document.querySelectorAll('table')
    expect(table?.querySelector('tbody th')?.textContent).toBe('a | b <i>')
    expect(table?.querySelectorAll('tbody td').length).toBe(12)
    const html = readFileSync(join(out, 'report.html'), 'utf8')
    expect(html.includes('<title>A &amp; &lt;title></title>')).toBe(true)
  })
})

/** Relative luminance and contrast of WCAG 2.2. */
function contrast(a: string, b: string): number {
  const [light, dark] = [a, b]
    .map((color) =>
      (color.match(/[\d.]+/g) ?? [])
        .slice(0, 3)
        .map((value) => Number(value) / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, i) => sum + value * ([0.2126, 0.7152, 0.0722][i] as number), 0),
    )
    .sort((x, y) => y - x) as [number, number]
  return (light + 0.05) / (dark + 0.05)
}

describe.skipIf(!hasChromium)('in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: [...headless, '--disable-gpu'] })
  })
  afterAll(() => browser?.close())

  it.each([
    [400, 'light'],
    [400, 'dark'],
    [1200, 'light'],
    [1200, 'dark'],
  ] as const)('%i pixels wide, %s', async (width, colorScheme) => {
    const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
    await page.goto(`file://${join(out, 'report.html')}`)
    const seen = (await page.evaluate(`(() => {
      const box = (element) => {
        const { left, right, top, bottom } = element.getBoundingClientRect()
        return { text: element.textContent.slice(0, 40), left, right, top, bottom }
      }
      const all = (parent, selector) => [...parent.querySelectorAll(selector)]
      const style = (selector) => getComputedStyle(document.querySelector(selector))
      return {
        page: document.documentElement.scrollWidth,
        figures: all(document, 'svg').map((svg) => ({ ...box(svg), texts: all(svg, 'text').map(box) })),
        background: style('body').backgroundColor,
        paper: [style('.paper').fill, style('svg text').fill],
        text: [style('body').color, style('svg text').fill, style('figcaption').color, style('caption').color],
        curves: [0, 1, 2, 3, 4].flatMap((i) => [
          style('.series-' + i + '[aria-label=line]').stroke,
          style('.series-' + i + '[aria-label=dot]').fill,
        ]),
      }
    })()`)) as Seen
    await page.close()

    // A table that is wider than the page scrolls by itself.
    expect(seen.page).toBe(width)
    expect(seen.figures.length).toBe(2)
    const [one, two] = seen.figures as [Figure, Figure]
    expect(width < 960 ? one.bottom < two.top : one.right < two.left && one.top === two.top).toBe(true)

    // The browser has another font than the one that was measured.
    for (const figure of seen.figures) {
      const outside = ({ left, right, top, bottom }: Box) =>
        left < figure.left || right > figure.right || top < figure.top || bottom > figure.bottom
      expect(figure.texts.filter(outside)).toEqual([])
      const meet = (a: Box, b: Box) =>
        Math.min(a.right, b.right) - Math.max(a.left, b.left) > 0.5 &&
        Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 0.5
      expect(
        figure.texts.flatMap((a, i) =>
          figure.texts
            .slice(i + 1)
            .filter((b) => meet(a, b))
            .map((b) => [a, b]),
        ),
      ).toEqual([])
    }

    const background = seen.paper[0] === 'none' ? seen.background : (seen.paper[0] as string)
    for (const color of seen.text) expect(contrast(color, background)).toBeGreaterThan(4.5)
    for (const color of seen.curves) expect(contrast(color, background)).toBeGreaterThan(3)
    expect(new Set(seen.curves).size).toBe(5)
  })
})

interface Box {
  text: string
  left: number
  right: number
  top: number
  bottom: number
}
interface Figure extends Box {
  texts: Box[]
}
interface Seen {
  page: number
  figures: Figure[]
  background: string
  paper: string[]
  text: string[]
  curves: string[]
}
