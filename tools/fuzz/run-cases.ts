// Runs cases of a target: each is a function of (target, seed, index), and is over in a moment.

import { random } from '@cola/data'
import { ColaError } from '@cola/graph'
import { type Target, type TargetName, targets } from './targets.ts'

/** A case that went wrong. */
export interface Finding {
  target: string
  /** What happened and where: the same kind of fault has the same text. */
  kind: string
  /** The whole error. */
  detail: string
  input: Uint8Array
}

/** CPU seconds and MiB that one case may take; inputs are some kB. */
const defaultLimits = { seconds: 2, mebibytes: 256 }

const peak = () => process.resourceUsage().maxRSS / 1024
const seconds = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** The input of a case. */
export function inputOf(name: string, { mutate }: Target, seeds: readonly Uint8Array[], seed: number, index: number) {
  const stream = random(seed, name, index)
  return mutate(stream.pick(seeds), stream)
}

/** Reads an input: undefined where it is read, or refused by a typed error. */
export async function tryInput(
  name: string,
  read: Target.Opened['read'],
  input: Uint8Array,
  limits = defaultLimits,
): Promise<Finding | undefined> {
  const before = { peak: peak(), seconds: seconds() }
  const finding = (kind: string, detail: string): Finding => ({ target: name, kind, detail, input })
  try {
    await read(input)
  } catch (error) {
    if (!(error instanceof ColaError)) return finding(kindOf(error), detailOf(error))
  }
  const [took, grew] = [seconds() - before.seconds, peak() - before.peak]
  if (took > limits.seconds) return finding('slow', `${took.toFixed(1)} s of CPU time`)
  if (grew > limits.mebibytes) return finding('memory', `${grew.toFixed(0)} MiB`)
  return undefined
}

const detailOf = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** Name of the error, and the first line of ours in its stack. */
function kindOf(error: unknown): string {
  const place = /(?:packages|tools)\/[\w./-]+\.ts(?::\d+)?/.exec(detailOf(error))?.[0] ?? 'outside'
  return `${error instanceof Error ? error.name : typeof error} in ${place}`
}

/** What the cases of a target share, and what is told of them. */
export interface CasesOptions {
  seed: number
  begin?: number
  /** Whether another case is run. */
  more: (index: number) => boolean
  /** Called before each case. */
  onCase?: (index: number) => void
  onFinding: (finding: Finding) => void
}

/** @returns The number of cases that ran. */
export async function runCases(
  name: TargetName,
  { seed, begin = 0, more, onCase, onFinding }: CasesOptions,
): Promise<number> {
  const target: Target = targets[name]
  const { seeds, read } = await target.open()
  for (const valid of seeds) await read(valid)
  let index = begin
  for (; more(index); index++) {
    onCase?.(index)
    const finding = await tryInput(name, read, inputOf(name, target, seeds, seed, index))
    if (finding) onFinding(finding)
  }
  return index - begin
}
