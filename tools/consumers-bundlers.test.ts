// Other people's bundlers and test runners: each builds and runs the same program from the packed packages, with the
// commands of its package.json and the few lines of its folder, which examples/consumers/bundlers/README.md shows.

import { execFile, spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify, stripVTControlCharacters } from 'node:util'
import { gzipSync } from 'node:zlib'
import { kdLoss } from '@cola/distill/loss'
import { TrainingSession } from '@cola/train'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { hasChromium } from './chromium.ts'
import { npm, online, pack, useTarballs } from './packed.ts'
import { serve, type Visited, visit } from './pages.ts'
import { root } from './root.ts'

const embedded = join(root, 'examples/model')
const work = mkdtempSync(join(tmpdir(), 'cola-bundlers-'))
const folder = join(work, 'app')
const workerTools = ['vite-worker', 'webpack-worker']
const tools = ['vite', 'webpack', 'next', 'esbuild', 'rollup', 'import-map']

let host: Awaited<ReturnType<typeof serve>>
/** Losses and probabilities that the sources give. */
let lossesInNode: number[] = []
let inNode: number[] = []
beforeAll(async () => {
  if (!online) return
  cpSync(join(root, 'examples/consumers/bundlers'), folder, { recursive: true })
  cpSync(join(root, '.npmrc'), join(folder, '.npmrc'))
  useTarballs(folder, await pack(join(work, 'packed')))
  npm(folder, 'install', '--prefer-offline')
  for (const tool of tools)
    for (const file of ['program.js', 'page.js']) cpSync(join(folder, file), join(folder, tool, file))
  for (const tool of ['vite', 'next']) cpSync(embedded, join(folder, tool, 'public/model'), { recursive: true })
  for (const tool of workerTools)
    for (const file of ['training.js', 'training-page.js']) cpSync(join(folder, file), join(folder, tool, file))
  host = await serve(folder)
  const { program } = await import(join(root, 'examples/consumers/bundlers/program.js'))
  const { artifacts, threeLosses } = await import(join(root, 'examples/consumers/bundlers/training.js'))
  lossesInNode = await threeLosses(await TrainingSession.create({ artifacts: artifacts(), device: 'cpu' }))
  inNode = (await program(`${host.address}model/`, 'cpu')).probabilities
})
afterAll(() => {
  host?.close()
  rmSync(work, { recursive: true })
})

const environment = { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: '', VITEST: '', NODE_OPTIONS: '' }

/** Runs a script of the app's package.json; not synchronously, because the model is served from this process. */
async function run(script: string): Promise<string> {
  const env = { ...environment, MODEL: `${host.address}model/` }
  const { stdout, stderr } = await promisify(execFile)('npm', ['run', script], { cwd: folder, env })
  return `${stdout}\n${stderr}`
}

/** Starts a tool's server and visits the address that it prints. */
async function visitServer(command: string, ...args: string[]): Promise<Visited> {
  const server = spawn(join(folder, 'node_modules/.bin', command), args, { cwd: folder, env: environment })
  try {
    const address = await new Promise<string>((resolve, reject) => {
      let said = ''
      const listen = (data: Buffer) => {
        said += String(data)
        const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(stripVTControlCharacters(said)) ?? []
        if (found) resolve(`${found}/`)
      }
      server.stdout.on('data', listen)
      server.stderr.on('data', listen)
      server.on('exit', () => reject(new Error(said)))
    })
    return await visit(address)
  } finally {
    server.kill()
  }
}

/** The answer that a page shows, or a script prints, is the one that Node gives. */
function expectAnswer(text: string): void {
  const { label, probabilities } = JSON.parse(/\{"label".*\}/.exec(text)?.[0] ?? text) as {
    label: string
    probabilities: number[]
  }
  expect(label).toBe('refund')
  expect(probabilities).toBeAllclose(inNode, { atol: 1e-4 })
}

/** The page has ended without an error and shows the answer that Node gives. */
function expectPage({ title, log }: Visited): void {
  expect({ title, log }).toMatchObject({ title: 'done' })
  expectAnswer(log)
}

/** The page has trained in a worker as Node does, and the worker had a second thread. */
function expectTraining({ title, log, workers }: Visited): void {
  expect({ title, log }).toMatchObject({ title: 'done' })
  const { losses, warnings } = JSON.parse(log) as { losses: number[]; warnings: string[] }
  expect(losses).toBeAllclose(lossesInNode, { atol: 1e-4, rtol: 1e-4 })
  expect(warnings).toEqual([])
  expect(workers.length, workers.join()).toBeGreaterThanOrEqual(2)
}

describe.skipIf(!online)('in Node', () => {
  it.each(['commonjs', 'jest', 'vitest'])('%s', async (script) => expectAnswer(await run(script)), 120_000)
})

describe.skipIf(!online || !hasChromium)('in Chromium', () => {
  it('a page without a bundler', async () => expectPage(await visit(`${host.address}import-map/`)), 120_000)

  it.each(['esbuild', 'rollup', 'webpack'])(
    '%s',
    async (bundler) => {
      await run(bundler)
      expectPage(await visit(`${host.address}${bundler}/`))
    },
    300_000,
  )

  it('Vite, developing', async () => {
    expectPage(await visitServer('vite', 'vite', '--host', '127.0.0.1', '--port', '0'))
  })

  it('Vite, built', async () => {
    await run('vite')
    expectPage(await visitServer('vite', 'preview', 'vite', '--host', '127.0.0.1', '--port', '0'))
  })

  it('webpack, a training worker', async () => {
    await run('webpack-worker')
    expectTraining(await visit(`${host.address}webpack-worker/`))
  })

  it('Vite, a training worker, built', async () => {
    await run('vite-worker')
    expectTraining(await visitServer('vite', 'preview', 'vite-worker', '--host', '127.0.0.1', '--port', '0'))
  })

  it('Next, a client component', async () => {
    await run('next')
    expectPage(await visitServer('next', 'start', 'next', '-H', '127.0.0.1', '-p', '0'))
  })
})

describe.skipIf(!online || !hasChromium)('without the runtime', () => {
  beforeAll(() => rmSync(join(folder, 'node_modules/onnxruntime-web'), { recursive: true, force: true }))

  const says =
    'onnxruntime-web: the runtime is not installed. Install it beside this package: npm install onnxruntime-web'

  it('webpack builds the loss', async () => {
    writeFileSync(
      join(folder, 'loss.js'),
      "import { kdLoss } from '@cola/distill/loss'\nconsole.log(kdLoss([0.2, 0.9], [1, 0], [1]).loss.toFixed(4))\n",
    )
    const options = { cwd: folder, env: environment }
    const args = ['--mode', 'production', '--entry', './loss.js', '--output-path', 'loss']
    await promisify(execFile)(join(folder, 'node_modules/.bin/webpack'), args, options)
    const bundle = join(folder, 'loss/main.js')
    expect(gzipSync(readFileSync(bundle)).length).toBeLessThan(10_000)
    const { stdout } = await promisify(execFile)(process.execPath, [bundle], options)
    expect(stdout.trim()).toBe(kdLoss([0.2, 0.9], [1, 0], [1]).loss.toFixed(4))
  })

  it('webpack, told to leave it out, builds an app whose session says what to install', async () => {
    await run('webpack-without-runtime')
    const { title, log } = await visit(`${host.address}webpack/`)
    expect(title).toBe('failed')
    expect(log).toContain(says)
  })

  it('Vite builds such an app', async () => {
    await run('vite')
    const { title, log } = await visitServer('vite', 'preview', 'vite', '--host', '127.0.0.1', '--port', '0')
    expect(title).toBe('failed')
    expect(log).toContain(says)
  })

  it('Next builds such an app', async () => {
    await run('next')
  })
})

describe('the README', () => {
  const read = (file: string) => readFileSync(join(root, 'examples/consumers/bundlers', file), 'utf8').trim()
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  const commands = Object.values(scripts)
    .flatMap((script) => script.replaceAll('../', '').split(' && '))
    .filter((command) => !/^cd |--config/.test(command))
  const importMap = /\{\s+"imports"[^}]*\}/.exec(read('import-map/index.html'))?.[0] ?? ''
  const files = [
    'webpack/without-runtime.config.js',
    'jest/environment.js',
    'jest/jest.config.js',
    'vitest/vitest.config.js',
    'vitest/vitest.setup.js',
  ]

  it.each([...commands, importMap, ...files.map(read)])('shows %s', (text) => {
    const words = (all: string) => all.split(/\s+/).join(' ')
    expect(words(read('README.md'))).toContain(words(text))
  })
})
