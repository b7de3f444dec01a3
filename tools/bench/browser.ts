// Fine-tuning the embedded model on WASM in Chromium, beside Node on the same machine in the same run.

import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { configureRuntime, type FrozenProducts } from '@cola/train'
import { openBundled } from '../bundled-page.ts'
import { root } from '../root.ts'
import { timeFineTune, type Timed, type Work } from './fine-tune-embedded.ts'
import { idle, median } from './measure.ts'
import { productRate } from './product-rate.ts'

const model = join(root, 'examples/model')

type Program = 'node' | 'chromium'

/** What each program does: the page multiplies with frozen matrices in eight bits, Node by default in float32. */
type Works = Readonly<Record<Program, Work>>

interface Measured extends Timed {
  /** Processor time of the whole call in seconds, of all threads: other work on the machine does not lengthen it. */
  cpu: number
  /** GFLOP/s of the frozen products alone. */
  gflops: number
}

/** What is compared. With more than one thread, processor time counts waiting threads too. */
const numbers: Readonly<Record<string, (measured: Measured) => number>> = {
  run_s: ({ seconds }) => seconds,
  step_ms: ({ step }) => step,
  cpu_s: ({ cpu }) => cpu,
  gflops: ({ gflops }) => gflops,
}

export async function browserBench(args: string[]): Promise<Record<string, unknown>> {
  const { values } = parseArgs({
    args,
    options: {
      threads: { type: 'string', default: '1,2' },
      rows: { type: 'string', default: '400' },
      epochs: { type: 'string', default: '2' },
      repeats: { type: 'string', default: '5' },
      'node-products': { type: 'string', default: 'float32' },
      'chromium-products': { type: 'string', default: 'int8' },
      json: { type: 'boolean', default: false },
    },
  })
  const [rows, epochs, repeats] = [values.rows, values.epochs, values.repeats].map(Number) as [number, number, number]
  const workOf = (program: Program): Work => ({
    rows,
    epochs,
    frozenProducts: values[`${program}-products`] as FrozenProducts,
  })
  const works: Works = { node: workOf('node'), chromium: workOf('chromium') }
  const result: Record<string, unknown> = {
    rows,
    epochs,
    repeats,
    node_products: works.node.frozenProducts,
    chromium_products: works.chromium.frozenProducts,
  }
  for (const threads of values.threads.split(',').map(Number)) {
    const measured = await inTurns(threads, works, repeats)
    const of = (program: Program, value: (one: Measured) => number) => median(measured[program].map(value))
    for (const [name, value] of Object.entries(numbers)) {
      const [node, chromium] = [of('node', value), of('chromium', value)]
      result[`node_${name}_${threads}`] = node
      result[`chromium_${name}_${threads}`] = chromium
      result[`ratio_${name}_${threads}`] = chromium / node
    }
    result[`loss_difference_${threads}`] = Math.abs(of('node', ({ loss }) => loss) - of('chromium', ({ loss }) => loss))
  }
  return result
}

/** How a program is measured. */
interface Measures {
  run: () => Promise<Timed>
  /** Processor time of the program until now, in seconds. */
  cpu: () => Promise<number>
  rate: () => Promise<number>
}

/** Node and Chromium take turns, so that what else the machine does slows both. The first turn warms up. */
async function inTurns(numThreads: number, works: Works, repeats: number): Promise<Record<Program, Measured[]>> {
  // A page of its own for each number of threads: the runtime's is fixed when it starts.
  const { page, close } = await openBundled(join(import.meta.dirname, 'browser-page.ts'), { folder: model })
  const devtools = await page.context().browser()?.newBrowserCDPSession()
  /** Processor time of the page's process, in seconds. */
  const rendererTime = async () => {
    const { processInfo = [] } = (await devtools?.send('SystemInfo.getProcessInfo')) ?? {}
    return processInfo.reduce((sum, { type, cpuTime }) => sum + (type === 'renderer' ? cpuTime : 0), 0)
  }
  const ownTime = async () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6
  configureRuntime({ numThreads })
  await page.evaluate(`configureRuntime({ numThreads: ${numThreads} })`)
  const programs: Record<Program, Measures> = {
    node: { run: () => timeFineTune(model, works.node), cpu: ownTime, rate: () => productRate('cpu') },
    chromium: {
      run: () => page.evaluate<Timed>(`timed(${JSON.stringify(works.chromium)})`),
      cpu: rendererTime,
      rate: () => page.evaluate<number>("productRate('wasm')"),
    },
  }
  const measured: Record<Program, Measured[]> = { node: [], chromium: [] }
  try {
    for (let turn = 0; turn <= repeats; turn++)
      for (const [name, { run, cpu, rate }] of Object.entries(programs)) {
        await idle()
        const before = await cpu()
        const timed = await run()
        const spent = (await cpu()) - before
        const gflops = await rate()
        if (turn > 0) measured[name as Program].push({ ...timed, cpu: spent, gflops })
      }
  } finally {
    await close()
  }
  return measured
}
