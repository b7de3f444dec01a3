// npm run cuda-check [-- CASE_FOLDER...]: on a machine with an NVIDIA GPU, runs golden cases, placement and a benchmark
// on cuda and on native WebGPU, and prints a Markdown table to paste. It says what is missing where there is no GPU.

import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { arch, platform, release } from 'node:os'
import { basename, join } from 'node:path'
import { TrainingSession } from '@cola/train'
import type { ResolvedDevice } from '../packages/train/src/runtime/devices.ts'
import { gpt2LoraBench } from './bench/gpt2-lora.ts'
import { runCase } from './parity/cases.ts'
import { placementOf } from './placement.ts'
import { type SmallModel, smallEncoder, smallGpt2 } from './small-models.ts'

type Row = readonly [what: string, found: string]

const fixtures = join(import.meta.dirname, 'parity/fixtures')
const given = process.argv.slice(2).filter((path) => basename(path) !== 'README.md')
const cases = given.length > 0 ? given : readdirSync(fixtures).map((name) => join(fixtures, name))
const devices: readonly ResolvedDevice[] = ['cuda', 'webgpu']

const firstLine = (text: string): string => (text.trim().split('\n')[0] ?? '').replaceAll('|', '/')

/** What a check found, or the first line of its error. */
const found = (check: () => Promise<string>): Promise<string> =>
  check().catch((error: Error) => `FAILED: ${firstLine(error.message)}`)

const noGpu = 'none: nvidia-smi is missing, or finds no GPU'

function findGpu(): string {
  const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader']
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' })
  return status === 0 ? firstLine(stdout) : noGpu
}

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

/** Nodes that the CPU computes. */
async function placement(device: ResolvedDevice, { artifacts, batch }: SmallModel): Promise<string> {
  const graphs = [artifacts.trainingModel, artifacts.evalModel, artifacts.optimizerModel]
  const nodes = []
  for (const graph of graphs) nodes.push(...(await placementOf(graph, device, batch)).nodes)
  const host = nodes.filter(({ onHost }) => onHost)
  const names = host.map(({ name, opType }) => `${name} (${opType})`).join(', ')
  return `${host.length} of ${nodes.length} nodes on the CPU${names ? `: ${names}` : ''}`
}

async function speed(device: ResolvedDevice): Promise<string> {
  const numbers = await gpt2LoraBench(['--device', device, '--batch', '32', '--steps', '5'])
  return Object.entries(numbers)
    .map(([name, value]) => `${name} ${typeof value === 'number' ? value.toPrecision(4) : value}`)
    .join(', ')
}

const gpu = findGpu()
const rows: Row[] = [
  ['system', `${platform()} ${arch()} ${release()}, Node ${process.version}`],
  ['GPU', gpu],
]
for (const device of devices) {
  const opened = await found(() => step(device))
  rows.push([`${device}: a step`, opened])
  if (opened.startsWith('FAILED')) continue
  rows.push(
    [`${device}: golden cases`, await found(() => goldenCases(device))],
    [`${device}: GPT-2, placement`, await found(() => placement(device, smallGpt2()))],
    [`${device}: encoder, placement`, await found(() => placement(device, smallEncoder()))],
    // A software device would take an hour.
    [`${device}: GPT-2 base with LoRA`, gpu === noGpu ? 'not measured' : await found(() => speed(device))],
  )
}
console.log(['| | |', '| --- | --- |', ...rows.map((row) => `| ${row.join(' | ')} |`)].join('\n'))
process.exitCode = rows.some(([, result]) => result.startsWith('FAILED') || result.includes('; not ')) ? 1 : 0
