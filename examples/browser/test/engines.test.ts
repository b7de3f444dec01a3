// The pages in Gecko and in WebKit: a whole training, a reload in its middle, answers, the adapter that is downloaded, a
// folder that is picked, and voices.

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Files, openFiles } from '@cola/data'
import { loadFineTuned, openGenerator } from '@cola/lora'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Engine, engineNames, engines, openEngine } from '../../../tools/engines.ts'
import { type RemotePage, remotePage } from '../../../tools/remote-page.ts'
import { root } from '../../../tools/root.ts'
import { tinyEncoder } from '../../../tools/tiny-encoder.ts'
import { buildSite, serveSite } from './site.ts'
import { folderOf } from './steps.ts'

const anyInstalled = engineNames.some((name) => engines[name].executable)
const sentences = ['The queen laughed in the garden.', 'What did the monk say?', 'The boy slept yesterday.']

let dist: string
beforeAll(async () => {
  if (anyInstalled) dist = await buildSite()
})
afterAll(() => {
  if (anyInstalled) rmSync(dist, { recursive: true })
})

/** Opens the page in an engine, uses it, and closes it. */
async function withPage(
  engine: Engine,
  { isolated, file = 'index.html' }: { isolated: boolean; file?: string },
  use: (page: RemotePage, downloads: string) => Promise<void>,
): Promise<void> {
  const { page, script, handle } = remotePage()
  const headers = isolated ? {} : { 'cross-origin-opener-policy': '', 'cross-origin-embedder-policy': '' }
  const server = await serveSite(dist, {
    preview: { headers },
    plugins: [
      {
        name: 'remote',
        configurePreviewServer: ({ middlewares, config }) => {
          middlewares.use((request, response, next) =>
            handle(request, response, () => {
              if (request.url !== `/${file}`) return next()
              const html = readFileSync(join(dist, file), 'utf8')
              for (const [name, value] of Object.entries(config.preview.headers)) response.setHeader(name, value ?? '')
              response.setHeader('content-type', 'text/html')
              return response.end(html.replace('</body>', `<script type="module">${script}</script></body>`))
            }),
          )
        },
      },
    ],
  })
  const downloads = mkdtempSync(join(tmpdir(), 'cola-downloads-'))
  const close = await openEngine(engine, `${server.resolvedUrls?.local[0]}${file}`, downloads)
  try {
    await use(page, downloads)
  } finally {
    await close()
    await server.close()
    rmSync(downloads, { recursive: true })
  }
}

const click = (page: RemotePage, selector: string): Promise<void> =>
  page.evaluate((css) => (document.querySelector(css) as HTMLElement).click(), selector)

const textOf = (page: RemotePage, selector: string): Promise<string> =>
  page.evaluate((css) => document.querySelector(css)?.textContent ?? '', selector)

const shown = (page: RemotePage, selector: string): Promise<void> =>
  page.until(selector, (css) => document.querySelector(css)?.checkVisibility(), selector)

const setField = (page: RemotePage, selector: string, value: string): Promise<void> =>
  page.evaluate(
    (css, text) => {
      const field = document.querySelector(css) as HTMLInputElement
      field.value = text
      field.dispatchEvent(new Event('change'))
    },
    selector,
    value,
  )

/** The files of a zip that the browser downloads. */
async function downloaded(zip: string): Promise<Files> {
  await expect.poll(() => (existsSync(zip) ? readFileSync(zip).length : 0)).toBeGreaterThan(1000)
  return openFiles(new File([readFileSync(zip)], 'adapter.zip'))
}

/** Chooses a sample, and trains when the plan is there. */
async function trainSample(page: RemotePage, sample: number, epochs: number): Promise<void> {
  await shown(page, `#sample-${sample}`)
  await click(page, `#sample-${sample}`)
  await shown(page, '#plan')
  await setField(page, '#epochs', String(epochs))
  await page.until('the train button', () => !(document.querySelector('#train') as HTMLButtonElement).disabled)
  await click(page, '#train')
}

const stepReached = (page: RemotePage, step: number): Promise<void> =>
  page.until(
    `step ${step}`,
    (least) => (document.querySelector('#train-progress') as HTMLProgressElement).value >= least,
    step,
  )

/** Asks the page a sentence. @returns The logits after the training. */
async function askedOf(page: RemotePage, sentence: string): Promise<number[]> {
  await page.evaluate((text) => {
    const field = document.querySelector('#try-text') as HTMLInputElement
    field.value = text
    field.form?.requestSubmit()
  }, sentence)
  await page.until('the answer', (text) => document.querySelector('.tried')?.textContent?.includes(text), sentence)
  return page.evaluate(() =>
    JSON.parse(document.querySelector('.tried .side:last-child .bars')?.getAttribute('data-logits') ?? '[]'),
  )
}

/**
 * Gives the page's field the files of a folder, as if it was picked. Their paths are the page's own knowledge: WebKit
 * does not send them to workers.
 */
const pickFolder = (page: RemotePage, files: Readonly<Record<string, Uint8Array>>): Promise<void> =>
  page.evaluate(
    (entries) => {
      const field = document.querySelector('#folder') as HTMLInputElement
      const transfer = new DataTransfer()
      for (const [path, text] of entries) {
        const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
        const file = new File([bytes], path.split('/').at(-1) as string)
        transfer.items.add(Object.defineProperty(file, 'webkitRelativePath', { value: `mine/${path}` }))
      }
      Object.defineProperty(field, 'files', { value: transfer.files })
      // What a file is given lasts as long as its object.
      Object.assign(field, { kept: [...transfer.files] })
    },
    Object.entries(files).map(([path, bytes]) => [path, Buffer.from(bytes).toString('base64')] as const),
  )

describe.each(engineNames)('%s', (engine) => {
  const { executable, packages, stores, sharesMemory } = engines[engine]

  it.runIf(executable)(`trains, ${stores ? 'goes on after a reload, ' : ''}answers, and gives the adapter`, () =>
    withPage(engine, { isolated: true }, async (page, downloads) => {
      // Long enough that a slow look at the page sees it under way.
      await trainSample(page, 0, stores ? 40 : 4)
      if (stores) {
        await stepReached(page, 15)
        await page.reload()
        await page.until('where it goes on', () =>
          document.querySelector('#train-said')?.textContent?.includes('Taken up at step'),
        )
      }
      await shown(page, '#try')
      expect(await textOf(page, '#train-said')).toMatch(/Trained in .* epochs?\. The weights of epoch \d+/)
      const threads =
        sharesMemory && availableParallelism() > 1 ? /Threads[2-9]/ : /Threads1(one only: this browser|1 core)/
      expect(await textOf(page, '#machine')).toMatch(threads)
      const logits: number[][] = []
      for (const sentence of sentences) logits.push(await askedOf(page, sentence))
      await click(page, '#download-adapter')
      const files = await downloaded(join(downloads, 'where-or-when-adapter.zip'))
      const node = await loadFineTuned(folderOf(files.names().map((name) => [name, files.read(name)])), {
        base: join(root, 'examples/model'),
      })
      expect(await node.logits(sentences)).toBeAllclose(logits.flat(), { atol: 1e-4 })
      await node.release()
      const problem = await textOf(page, '#problem')
      if (stores) expect(problem).toBe('')
      else expect(problem).toContain('does not allow the page to keep any')
    }),
  )

  it.runIf(executable)('trains on one thread where the host sends no headers, and says so', () =>
    withPage(engine, { isolated: false }, async (page) => {
      await trainSample(page, 0, 2)
      await shown(page, '#try')
      expect(await textOf(page, '#machine')).toContain('Threads1one only: the host sends no headers')
    }),
  )

  it.runIf(executable)('trains the model of a picked folder', () =>
    withPage(engine, { isolated: true }, async (page) => {
      await shown(page, '#model-folder')
      await click(page, '#model-folder')
      await pickFolder(page, tinyEncoder())
      await click(page, '#open-model')
      await page.until('the model', () =>
        document.querySelector('#model-summary')?.textContent?.includes('mine is open: bert'),
      )
      await trainSample(page, 1, 1)
      await shown(page, '#try')
      expect(await askedOf(page, 'The kings slept.')).toHaveLength(2)
    }),
  )

  it.runIf(executable)('trains voices that go on as they do in Node', () =>
    withPage(engine, { isolated: true, file: 'voices.html' }, async (page, downloads) => {
      await page.until('the words', () => document.querySelector('#words')?.textContent)
      await setField(page, '#epochs', '2')
      await click(page, '#train')
      await page.until('the voices', () => document.querySelector('#train-said')?.textContent?.includes('Trained in'))
      await setField(page, '#choose', 'likeliest')
      await setField(page, '#beginning', 'the old queen')
      await click(page, '#ask-all')
      await page.until('the answers', () => document.querySelectorAll('.message [data-ids]').length === 3)
      const answers = await page.evaluate(() =>
        Array.from(document.querySelectorAll<HTMLElement>('.message [data-ids]'), ({ dataset }) => ({
          voice: dataset.voice as string,
          ids: JSON.parse(dataset.ids as string) as number[],
        })),
      )
      for (const { voice, ids } of answers) {
        await click(page, `#download-${voice}`)
        const zip = await downloaded(join(downloads, `${voice}.zip`))
        const node = await openGenerator(join(root, 'examples/model'), { adapters: { voice: zip } })
        const found: number[] = []
        await node.generate('the old queen', { adapter: 'voice', max_new_tokens: 20, onToken: (id) => found.push(id) })
        await node.release()
        expect(ids).toEqual(found)
      }
    }),
  )

  it.skipIf(executable)(`skipped: apt-get install ${packages}`, () => undefined)
})
