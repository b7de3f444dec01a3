// onnxruntime-genai on what exports wrote: its Python package, of this machine or of the registry.

import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { pythonWith } from '../../../../tools/python.ts'

const { python, missing } = await pythonWith('genai', ['onnxruntime_genai', 'onnxruntime'], () => [
  'onnxruntime-genai==0.18.0',
  'onnxruntime==1.32.0',
])
if (missing !== undefined) console.warn(`onnxruntime-genai: skipped, ${missing}`)
export const hasGenai = missing === undefined

export interface GenaiRun {
  readonly folder: string
  readonly prompt: readonly number[]
  readonly count: number
  readonly adapter?: string
}

interface Answers {
  readonly tokens: number[][]
  readonly adapters: Record<string, { shape: number[]; values: number[] }>[]
}

/** Greedy tokens of runs, and what onnxruntime reads in files of adapters. */
export function genai(task: { runs?: readonly GenaiRun[]; adapters?: readonly string[] }): Answers {
  const script = join(import.meta.dirname, '../generate-with-genai.py')
  const { status, stdout, stderr } = spawnSync(python, [script], { input: JSON.stringify(task), encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return JSON.parse(stdout.slice(stdout.indexOf('{'))) as Answers
}
