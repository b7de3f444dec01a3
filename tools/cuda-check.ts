// npm run cuda-check [-- CASE_FOLDER... --device cuda,webgpu --only NAME,...]: on a machine with an NVIDIA GPU, checks
// cuda and native WebGPU: golden cases, placement, matrices in fewer bits, long use and speed. Prints a Markdown table
// to paste, row by row. It says what is missing where there is no GPU.

import { readdirSync } from 'node:fs'
import { arch, availableParallelism, platform, release } from 'node:os'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { TrainingSession } from '@cola/train'
import type { ResolvedDevice } from '../packages/train/src/runtime/devices.ts'
import { gpt2LoraBench } from './bench/gpt2-lora.ts'
import { rnnBench } from './bench/rnn.ts'
import { type FormName, formOn } from './gpu/forms.ts'
import { askGpu } from './gpu/nvidia-smi.ts'
import { runCase } from './parity/cases.ts'
import { type PlacedNode, placementOf } from './placement.ts'
import { type SmallModel, smallEncoder, smallGpt2 } from './small-models.ts'
import { grown, soakSteps } from './soak/soak.ts'

type Check = (device: ResolvedDevice) => Promise<string>

const fixtures = join(import.meta.dirname, 'parity/fixtures')
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { device: { type: 'string', default: 'cuda,webgpu' }, only: { type: 'string' } },
})
const given = positionals.filter((path) => basename(path) !== 'README.md')
const cases = given.length > 0 ? given : readdirSync(fixtures).map((name) => join(fixtures, name))

const firstLine = (text: string): string => (text.trim().split('\n')[0] ?? '').replaceAll('|', '/')

/** What a check found, or the first line of its error. */
const found = (check: () => Promise<string>): Promise<string> =>
  check().catch((error: Error) => `FAILED: ${firstLine(error.message)}`)

/** Opens the small GPT-2 and runs a step. */
async function step(device: ResolvedDevice): Promise<string> {
  const { artifacts, batch } = smallGpt2()
  const session = await TrainingSession.create({ artifacts, device })
  try {
    const { loss } = await session.runTrainStep(batch)
    await session.runOptimizerStep({ learningRate: 1e-3 })
    return `opens; loss ${loss.toFixed(4)}`
  } finally {
    await session.release()
  }
}

/** What `auto` chooses, and what it says of the devices that it leaves alone. */
async function chosen(): Promise<string> {
  const warnings: string[] = []
  const onWarning = (message: string) => void warnings.push(firstLine(message))
  const session = await TrainingSession.create({ artifacts: smallGpt2().artifacts, device: 'auto', onWarning })
  await session.release()
  return [session.device, ...warnings].join('; ')
}

async function goldenCases(device: ResolvedDevice): Promise<string> {
  const failed: string[] = []
  for (const folder of cases) {
    const worst = await runCase(folder, device).then(
      (errors) => errors.find((error) => error.worst > 1),
      (error: Error) => ({ kind: firstLine(error.message), tensor: '', worst: Number.NaN }),
    )
    if (worst) failed.push(`${basename(folder)} (${worst.kind} ${worst.tensor} ${worst.worst.toPrecision(2)})`)
  }
  const others = failed.length > 0 ? `; not ${failed.join(', ')}` : ''
  return `${cases.length - failed.length} of ${cases.length} hold${others}`
}

/** Nodes that the CPU computes, counted by operator: those that read or write floating-point numbers, and the others. */
async function placement(device: ResolvedDevice, { artifacts, batch }: SmallModel): Promise<string> {
  const graphs = [artifacts.trainingModel, artifacts.evalModel, artifacts.optimizerModel]
  const nodes: PlacedNode[] = []
  for (const graph of graphs) nodes.push(...(await placementOf(graph, device, batch)).nodes)
  const host = nodes.filter(({ onHost }) => onHost)
  const [floats, others] = [true, false].map((isFloat) => counted(host.filter((node) => node.isFloat === isFloat)))
  return `${host.length} of ${nodes.length} nodes on the CPU; of floats ${floats}; others ${others}`
}

function counted(nodes: readonly PlacedNode[]): string {
  const counts = new Map<string, number>()
  for (const { opType } of nodes) counts.set(opType, (counts.get(opType) ?? 0) + 1)
  return [...counts].map(([opType, count]) => `${count} ${opType}`).join(', ') || 'none'
}

/** A step with frozen matrices in a form, beside the CPU. */
const form =
  (name: FormName): Check =>
  async (device) => {
    const { loss, fromCpu, holds, fromFloat32 } = await formOn(device, name)
    const apart = `gradients ${fromCpu.toExponential(1)} from the CPU's, ${fromFloat32.toExponential(1)} (1 - cosine)`
    return `loss ${loss.toFixed(5)}, ${apart} from float32's${holds ? '' : '; not within 1e-4'}`
  }

/** A thousand steps; memory of the process and of the GPU. */
async function soak(device: ResolvedDevice): Promise<string> {
  const used = () => askGpu('memory.used') ?? 'unknown'
  await step(device)
  const before = used()
  const soaked = await soakSteps(1000, device)
  const memory = `GPU ${before}, then ${used()}; process ${soaked.before.rss.toFixed(0)}, then ${soaked.after.rss.toFixed(0)} MiB`
  const problems = grown(soaked)
  return problems.length > 0 ? `${memory}; not ${problems.join(', ')}` : memory
}

const numbers = (result: Record<string, unknown>): string =>
  Object.entries(result)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? value.toPrecision(4) : value}`)
    .join(', ')

const gpt2Speed =
  (...args: readonly string[]): Check =>
  async (device) =>
    numbers(await gpt2LoraBench(['--device', device, '--batch', '32', '--steps', '5', ...args]))

const checks: Readonly<Record<string, Check>> = {
  'golden cases': goldenCases,
  'GPT-2, placement': (device) => placement(device, smallGpt2()),
  'encoder, placement': (device) => placement(device, smallEncoder()),
  'matrices in float32': form('float32'),
  'matrices in float16': form('float16'),
  'matrices in 8 bits': form('8 bits'),
  'matrices in 4 bits': form('4 bits'),
}

/** A software device would take an hour for these. */
const longChecks: Readonly<Record<string, Check>> = {
  'a thousand steps': soak,
  'GPT-2 base with LoRA': gpt2Speed(),
  'GPT-2 base with LoRA, float16': gpt2Speed('--frozen-products', 'float16'),
  'GPT-2 medium with LoRA': gpt2Speed('--model', 'gpt2-medium'),
  'RNN student': async (device) => numbers(await rnnBench(['--device', device, '--rows', '1280'])),
}

const gpu = askGpu('name', 'driver_version', 'memory.total')
const isWanted = (name: string): boolean => !values.only || values.only.split(',').some((part) => name.includes(part))
let failed = false
function report(what: string, result: string): void {
  failed ||= result.startsWith('FAILED') || result.includes('; not ')
  console.log(`| ${what} | ${result} |`)
}

console.log('| | |\n| --- | --- |')
report('system', `${platform()} ${arch()} ${release()}, Node ${process.version}, ${availableParallelism()} threads`)
report('GPU', gpu ?? 'none: nvidia-smi is missing, or finds no GPU')
if (isWanted('auto')) report('auto', await found(chosen))
for (const device of values.device.split(',') as ResolvedDevice[]) {
  const opened = await found(() => step(device))
  report(`${device}: a step`, opened)
  if (opened.startsWith('FAILED')) continue
  for (const [name, check] of Object.entries(checks))
    if (isWanted(name)) report(`${device}: ${name}`, await found(() => check(device)))
  for (const [name, check] of Object.entries(longChecks))
    if (isWanted(name)) report(`${device}: ${name}`, gpu ? await found(() => check(device)) : 'not run')
}
process.exitCode = failed ? 1 : 0
