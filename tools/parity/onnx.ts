// A model that PyTorch exported: logits, loss, and the gradient of every parameter that kept its name.

import type { Files } from '@cola/data'
import { elements, foldLinear, readModel, simplify, type Tensor, toFloat32 } from '@cola/graph'
import {
  type Batch,
  crossEntropy,
  type Device,
  externalDataOf,
  generateArtifacts,
  sgd,
  TrainingSession,
} from '@cola/train'
import { readSafetensors } from '@cola/train/files'
import { compare, compareAll, type KindError, worstOfEach } from './compare.ts'

export async function onnxCase(files: Files, device: Device): Promise<KindError[]> {
  const name = 'model.onnx'
  const graph = foldLinear(
    simplify(readModel(files.read(name), { where: name, externalData: externalDataOf(files), widen: true })),
  )
  const { tensors: inputs } = readSafetensors(files, 'inputs.safetensors')
  const { tensors: expected } = readSafetensors(files, 'expected.safetensors')
  const trainable = new Set(
    [...expected.keys()].filter((name) => name.startsWith('grad.')).map((name) => name.slice('grad.'.length)),
  )
  const session = await TrainingSession.create({
    artifacts: generateArtifacts({ graph, trainable }, { loss: crossEntropy(), optimizer: sgd() }),
    device,
  })
  const batch: Batch = Object.fromEntries(
    [...inputs].map(([name, value]) => [name, { data: dataOf(name, value), dims: value.dims }]),
  )
  try {
    const { loss, outputs } = await session.runTrainStep(batch)
    return worstOfEach([
      compare('logits', 'logits', Object.values(outputs)[0]?.data ?? [], toFloat32(expected.get('logits') as Tensor)),
      compare('loss', 'loss', [loss], toFloat32(expected.get('loss') as Tensor)),
      ...compareAll('grad', expected, await session.getGradients()),
    ])
  } finally {
    await session.release()
  }
}

const dataOf = (name: string, value: Tensor): Int32Array | BigInt64Array | Float32Array => {
  if (name === 'labels') return Int32Array.from(elements(value) as BigInt64Array, Number)
  return value.dtype === 'int64' ? (elements(value) as BigInt64Array) : toFloat32(value)
}
