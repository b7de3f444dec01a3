// What a training step of the small models asks of a GPU: the kernels that it starts, and the bytes that go up and
// down.

import { parseArgs } from 'node:util'
import { getValue, type Graph } from '@cola/graph'
import type { Batch } from '@cola/train'
import { bytesOfShape, placementOf } from '../placement.ts'
import { type SmallModel, smallEncoder, smallGpt2 } from '../small-models.ts'

const models: Record<string, () => SmallModel> = { gpt2: smallGpt2, encoder: smallEncoder }

/**
 * The batch and the scalars go up; the loss comes down. Parameters, gradients and optimizer state stay on the device,
 * so that inputs and outputs of their names move nothing. The runtime's profile has no events for what goes up before a
 * run and comes down after it: those bytes are of the tensors; what is copied within a run is measured.
 */
export async function webgpuBench(args: string[]): Promise<Record<string, unknown>> {
  const { values: options } = parseArgs({
    args,
    options: { model: { type: 'string', default: 'gpt2' }, json: { type: 'boolean', default: false } },
  })
  const make = models[options.model]
  if (!make) throw new Error(`usage: npm run bench -- webgpu --model ${Object.keys(models).join('|')}`)
  const { artifacts, batch } = make()
  const [training, optimizer] = [
    await placementOf(artifacts.trainingModel, 'webgpu', batch),
    await placementOf(artifacts.optimizerModel, 'webgpu', batch),
  ]
  const graphs = [artifacts.trainingModel, artifacts.optimizerModel]
  const resident = new Set(artifacts.blocks.flatMap(({ name }) => [name, `${name}_grad`]))
  const isResident = (name: string) => [...resident].some((block) => name === block || name.startsWith(`${block}.`))
  const scalars = (graph: Graph, names: readonly string[]) =>
    names
      .filter((name) => !isResident(name) && !batch[name])
      .reduce((sum, name) => sum + bytesOfShape(getValue(graph, name)), 0)
  const host = [...training.nodes, ...optimizer.nodes].filter(({ onHost }) => onHost)
  return {
    model: options.model,
    dispatches_training: training.dispatches.length,
    dispatches_optimizer: optimizer.dispatches.length,
    dispatches_step: training.dispatches.length + optimizer.dispatches.length,
    'counted from': "the runtime's profile, an event for each kernel",
    nodes: training.nodes.length + optimizer.nodes.length,
    nodes_on_cpu: host.length,
    ...Object.fromEntries(host.map(({ name, opType, bytes }) => [`on the CPU: ${name}`, `${opType}, ${bytes} bytes`])),
    'bytes_copied_within (measured)': training.bytesCopied + optimizer.bytesCopied,
    bytes_up_batch: bytesOfBatch(batch),
    bytes_up_scalars: graphs.reduce((sum, graph) => sum + scalars(graph, graph.inputs), 0),
    bytes_down_loss: bytesOfShape(getValue(artifacts.trainingModel, artifacts.trainingModel.outputs[0] as string)),
    bytes_resident: artifacts.blocks.reduce(
      (sum, { dims }) => sum + 4 * (2 + artifacts.stateSlots.length) * dims.reduce((a, b) => a * b, 1),
      0,
    ),
  }
}

/** int64 goes up as int32. */
const bytesOfBatch = (batch: Batch): number =>
  Object.values(batch).reduce(
    (sum, { data }) => sum + (data instanceof BigInt64Array ? 4 * data.length : (data as Int32Array).byteLength),
    0,
  )
