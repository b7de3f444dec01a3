// The distillation loss and its gradient: as a plain function, and as a graph on the device.

import type { Files } from '@cola/data'
import { distillation, type DistillationOptions, kdLoss } from '@cola/distill'
import { addInput, createGraph, differentiate, elements, prune, type Tensor, toFloat32 } from '@cola/graph'
import { type Device, openSession, OrtTensor, resolveDevice } from '@cola/train'
import { readSafetensors } from '@cola/train/files'
import { compare, type KindError, worstOfEach } from './compare.ts'

interface Inputs {
  student: Tensor
  teacher: Tensor
  labels: Int32Array
}

export async function kdCase(files: Files, device: Device, description: Record<string, unknown>): Promise<KindError[]> {
  const { tensors: inputs } = readSafetensors(files, 'inputs.safetensors')
  const { tensors: expected } = readSafetensors(files, 'expected.safetensors')
  const errors: KindError[] = []
  // The case says the sizes of its arrays, too.
  for (const [i, { temperature, alpha, scale }] of (description.options as Required<DistillationOptions>[]).entries()) {
    const options = { temperature, alpha, scale }
    const get = (name: string) => inputs.get(`${i}.${name}`) as Tensor
    const given: Inputs = {
      student: get('student_logits'),
      teacher: get('teacher_logits'),
      labels: Int32Array.from(elements(get('labels')) as BigInt64Array, Number),
    }
    const plain = kdLoss(toFloat32(given.student), toFloat32(given.teacher), given.labels, options)
    const graph = await inGraph(given, options, device)
    for (const [form, { loss, gradient }] of Object.entries({ plain, graph })) {
      errors.push(compare(`${form}.loss`, `${i}.loss`, [loss], toFloat32(expected.get(`${i}.loss`) as Tensor)))
      errors.push(
        compare(`${form}.grad`, `${i}.grad`, gradient, toFloat32(expected.get(`${i}.grad.student_logits`) as Tensor)),
      )
    }
  }
  return worstOfEach(errors)
}

async function inGraph(
  { student, teacher, labels }: Inputs,
  options: DistillationOptions,
  device: Device,
): Promise<{ loss: number; gradient: Float32Array }> {
  const graph = createGraph('kd')
  addInput(graph, 'logits', 'float32', ['batch', student.dims[1] as number])
  const loss = distillation(options)(graph).name
  const gradient = differentiate(graph, { loss, wrt: ['logits'] }).get('logits')?.name as string
  graph.outputs = [loss, gradient]
  prune(graph)
  const session = await openSession({ graph }, await resolveDevice(device, graph))
  const results = await session.run({
    logits: new OrtTensor('float32', toFloat32(student), student.dims),
    teacher_logits: new OrtTensor('float32', toFloat32(teacher), teacher.dims),
    labels: new OrtTensor('int32', labels, [labels.length]),
  })
  await session.release()
  const data = (name: string) => (results[name] as OrtTensor).data as Float32Array
  return { loss: data(loss)[0] as number, gradient: data(gradient) }
}
