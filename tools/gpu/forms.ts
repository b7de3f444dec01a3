// One training step of GPT-2 with frozen matrices in each form, on a device and on the CPU: how far the gradients are
// apart, and how far they are from those with matrices in float32.

import { packRows, random } from '@cola/data'
import { type Model, toFloat32 } from '@cola/graph'
import { gpt2, lora, parseGpt2Config, randomGpt2 } from '@cola/lora'
import { adamw, crossEntropy, type FrozenProducts, generateArtifacts, TrainingSession } from '@cola/train'
import { reportLora } from '../../examples/support/report/lora-config.ts'
import { quantizeModel } from '../../packages/lora/src/onnx/quantization.ts'
import type { ResolvedDevice } from '../../packages/train/src/runtime/devices.ts'
import { compare } from '../parity/compare.ts'

interface Form {
  readonly frozenProducts: FrozenProducts
  readonly bits?: 4 | 8
}

/** How frozen matrices are held. Products in int8 are the processor's only. */
const forms = {
  float32: { frozenProducts: 'float32' },
  float16: { frozenProducts: 'float16' },
  '8 bits': { frozenProducts: 'float32', bits: 8 },
  '4 bits': { frozenProducts: 'float32', bits: 4 },
} as const satisfies Readonly<Record<string, Form>>

export type FormName = keyof typeof forms

/** Matrices that are large enough for every form, and for the tiles of a GPU's products. */
const config = parseGpt2Config({
  model_type: 'gpt2',
  n_layer: 2,
  n_head: 4,
  n_embd: 256,
  n_positions: 32,
  vocab_size: 1000,
})

/** With both matrices of each adapter random: a zero one would have the other's gradient zero. */
const adapter = { ...reportLora, init_lora_weights: false }

function rows() {
  const stream = random(1, 'forms')
  return Array.from({ length: 8 }, (_, row) => ({
    input_ids: Array.from({ length: 5 + row }, () => stream.integer(config.vocab_size)),
    label: row % 2,
  }))
}

interface Step {
  readonly loss: number
  /** All gradients, one after another. */
  readonly gradients: Float32Array
}

/** Loss and gradients of a step. */
async function stepWith(form: Form, device: ResolvedDevice): Promise<Step> {
  const base: Model = gpt2(config, randomGpt2(config))
  const model = lora(form.bits ? quantizeModel(base, { bits: form.bits }) : base, adapter)
  const { frozenProducts } = form
  const artifacts = generateArtifacts(model, { loss: crossEntropy(), optimizer: adamw(), frozenProducts })
  const session = await TrainingSession.create({ artifacts, device })
  try {
    const { loss } = await session.runTrainStep(packRows(rows()))
    const gradients = [...(await session.getGradients()).values()]
    return { loss, gradients: Float32Array.from(gradients.flatMap((gradient) => [...toFloat32(gradient)])) }
  } finally {
    await session.release()
  }
}

/** 1 - cos(a, b): the sine's square, halved, for directions that are close. */
function apart(a: Float32Array, b: Float32Array): number {
  const dot = (x: Float32Array, y: Float32Array) => x.reduce((sum, value, i) => sum + value * (y[i] as number), 0)
  return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
}

interface FormResult {
  readonly loss: number
  /** Greatest difference of a gradient from the CPU's with the same form, over the greatest gradient. */
  readonly fromCpu: number
  /** Whether loss and gradients hold by the tolerance of the golden cases, beside the CPU's. */
  readonly holds: boolean
  /** {@link apart} of the gradients and the CPU's with matrices in float32. */
  readonly fromFloat32: number
}

export async function formOn(device: ResolvedDevice, name: FormName): Promise<FormResult> {
  const [own, cpu, exact] = [
    await stepWith(forms[name], device),
    await stepWith(forms[name], 'cpu'),
    await stepWith(forms.float32, 'cpu'),
  ]
  const gradients = compare('grad', name, own.gradients, cpu.gradients)
  const loss = compare('loss', name, [own.loss], [cpu.loss])
  const greatest = cpu.gradients.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return {
    loss: own.loss,
    fromCpu: gradients.error / greatest,
    holds: gradients.worst <= 1 && loss.worst <= 1,
    fromFloat32: apart(own.gradients, exact.gradients),
  }
}
