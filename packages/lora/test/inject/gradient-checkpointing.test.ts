// Training with activations that are computed again for the backward pass: the same numbers from fewer kept values.

import { type Graph, producersOf, type Tensor, toFloat32 } from '@cola/graph'
import { defaultDevice, adamw, crossEntropy, generateArtifacts, TrainingSession } from '@cola/train'
import { expect, it } from 'vitest'
import { temporaryFolders } from '../../../../tools/test-folders.ts'
import { lora, openBase, withHead } from '../../src/index.ts'
import { exportFolder } from '../support/export-folder.ts'

const out = temporaryFolders()

const rows = [
  [5, 6, 7, 8],
  [9, 10],
  [11, 12, 13],
].map((input_ids) => ({ input_ids }))
const labels = { data: Int32Array.from([0, 1, 1]), dims: [3] }

/** Values of the forward pass that the backward pass reads: nodes that the loss needs, and nodes that it does not. */
function kept(graph: Graph): number {
  const producers = producersOf(graph)
  const forward = new Set<string>()
  const visit = (name: string): void => {
    if (forward.has(name) || !producers.has(name)) return
    forward.add(name)
    for (const input of producers.get(name)?.inputs ?? []) visit(input)
  }
  visit(graph.outputs[0] as string)
  const read = graph.nodes.filter(({ outputs }) => !outputs.some((name) => forward.has(name)))
  return new Set(read.flatMap(({ inputs }) => inputs.filter((name) => forward.has(name)))).size
}

it.each(['llama-lm-torchscript', 'bert-bare-torchscript', 'gpt2-lm-dynamo', 'albert-seq-torchscript'])(
  '%s: losses and parameters are the same',
  async (name) => {
    const base = await openBase(exportFolder(out, name))
    const headed = withHead(base.hiddenStates(), { num_labels: 2, pooling: 'mean', name: 'score' })
    const model = lora(headed, { r: 2, task_type: 'SEQ_CLS', target_modules: 'all-linear', lora_dropout: 0.1 })
    const train = async (gradientCheckpointing: boolean) => {
      const artifacts = generateArtifacts(model, { loss: crossEntropy(), optimizer: adamw(), gradientCheckpointing })
      const session = await TrainingSession.create({ artifacts, device: defaultDevice(), seed: 5 })
      const losses: number[] = []
      for (let step = 0; step < 3; step++) {
        session.lazyResetGrad()
        losses.push((await session.runTrainStep({ ...base.batches(model.graph)(rows).batch, labels })).loss)
        await session.runOptimizerStep({ learningRate: 0.01 })
      }
      const parameters = await session.getParameters()
      await session.release()
      return { losses, parameters, kept: kept(artifacts.trainingModel) }
    }
    const [plain, again] = [await train(false), await train(true)]
    expect(again.losses).toBeAllclose(plain.losses, { atol: 1e-5 })
    for (const [parameter, value] of plain.parameters)
      expect(toFloat32(again.parameters.get(parameter) as Tensor), parameter).toBeAllclose(toFloat32(value), {
        atol: 1e-4,
      })
    expect(again.kept).toBeLessThan(plain.kept)
  },
)
