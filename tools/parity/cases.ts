// One function for each kind of golden case; the kind is in case.json or told by the files of the folder.

import { type Files, filesOf } from '@cola/data'
import { ColaError } from '@cola/graph'
import type { Device } from '@cola/train'
import { readJson } from '@cola/train/files'
import type { KindError } from './compare.ts'
import { decoderCase } from './decoder.ts'
import { gpt2LoraCase } from './gpt2-lora.ts'
import { kdCase } from './kd.ts'
import { onnxCase } from './onnx.ts'
import { peftCase } from './peft.ts'
import { rnnCase } from './rnn.ts'

type Case = (files: Files, device: Device, description: Record<string, unknown>) => Promise<KindError[]>

const cases: Record<string, Case> = {
  'gpt2-lora': gpt2LoraCase,
  rnn: rnnCase,
  kd: kdCase,
  onnx: onnxCase,
  peft: peftCase,
  decoder: decoderCase,
}

/** Runs a case folder; the worst error of each kind of tensor. */
export async function runCase(folder: string | Files, device: Device): Promise<KindError[]> {
  const files = filesOf(folder)
  const description = files.has('case.json') ? (readJson(files, 'case.json') as Record<string, unknown>) : {}
  const kind =
    typeof description.kind === 'string'
      ? description.kind
      : files.has('adapter/adapter_config.json')
        ? 'peft'
        : files.has('model.onnx')
          ? 'onnx'
          : 'unknown'
  const run = cases[kind]
  if (!run)
    throw new ColaError({
      where: files.where,
      what: `no runner for cases of kind "${kind}" yet`,
      expected: Object.keys(cases).join(', '),
    })
  return run(files, device, description)
}
