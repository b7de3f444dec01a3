// The self-test of training on a device: one tiny step, with the operators of a transformer, against numbers that
// PyTorch computed in float64 (test/make-self-test.py).

import { addInput, build, createGraph, type Model, transposeMatrix } from '@cola/graph'
import { crossEntropy } from '../artifacts/cross-entropy.ts'
import { generateArtifacts } from '../artifacts/generate-artifacts.ts'
import type { TrainingArtifacts } from '../artifacts/training-artifacts.ts'
import { sgd } from '../optim/optimizers.ts'
import type { ResolvedDevice } from '../runtime/devices.ts'
import { checkNumbers, selfTestValues, selfTestWeights } from '../runtime/self-test.ts'
import type { Batch } from './feeds.ts'

/** The loss, and the gradients of w1, b1, scale, shift and w2. */
const expected = [
  0.61642963, 0.00087322, -0.00083981, -0.02413794, -0.01379895, -0.09184736, -0.01389219, -0.01172448, -0.01837479,
  -0.05001134, -0.00659248, 0.01786537, 0.00396848, 0.06509141, 0.01036523, 0.02128241, 0.02049791, -0.09667191,
  -0.01242351, 0.01345982, 0.00148668, 0.23285281, -0.21035523, 0.03168896, -0.39057626, -0.00191436, 0.00091604,
  0.00034448, -0.0015064, -0.03516208, 0.03516208, 0.41113385, -0.41113385, -0.11332242, 0.11332242, 0.29620965,
  -0.29620965,
]

/** h = gelu(x w1 + b1); logits = layerNorm(softmax(h h' / 2) h + h) w2. */
function tinyModel(): Model {
  const graph = createGraph('self_test')
  const g = build(graph)
  const weight = selfTestWeights(graph)
  const x = addInput(graph, 'x', 'float32', ['batch', 4])
  const h = g.Gelu(g.Gemm(x, weight('w1', [4, 4], 1), weight('b1', [4], 2)), { approximate: 'tanh' })
  const heads = g.Unsqueeze(h, g.int64([0]))
  const attention = g.Softmax(g.Mul(g.MatMul(heads, transposeMatrix(g, heads)), g.scalar(0.5)), { axis: -1 })
  const attended = g.Squeeze(g.MatMul(attention, heads), g.int64([0]))
  const normal = g.LayerNormalization(g.Add(attended, h), weight('scale', [4], 3), weight('shift', [4], 4), {
    axis: -1,
    epsilon: 1e-5,
  })
  g.node('Gemm', [normal, weight('w2', [4, 2], 5)], { outputs: ['logits'] })
  graph.outputs = ['logits']
  return { graph, trainable: new Set(['w1', 'b1', 'scale', 'shift', 'w2']) }
}

/** The artifacts and the batch of the self-test. */
export const selfTest = (): { artifacts: TrainingArtifacts; batch: Batch } => ({
  artifacts: generateArtifacts(tinyModel(), { loss: crossEntropy(), optimizer: sgd() }),
  batch: {
    x: { data: selfTestValues(12, 0), dims: [3, 4] },
    labels: { data: Int32Array.of(0, 1, 1), dims: [3] },
  },
})

/**
 * Checks what a device computed for the self-test.
 * @throws {DeviceError} naming the number that is wrong.
 */
export function checkSelfTest(device: ResolvedDevice, loss: number, gradients: readonly number[]): void {
  checkNumbers(device, expected, [loss, ...gradients], (i) => (i === 0 ? 'the loss' : `number ${i} of the gradients`))
}
