import { random } from '@cola/data'
import type { Tensor } from '@cola/graph'
import {
  defaultDevice,
  OrtTensor,
  TrainingSession,
  adam,
  crossEntropy,
  generateArtifacts,
  openSession,
  type Batch,
  type Optimizer,
} from '@cola/train'
import { distilRnnInference, type DistilRnnConfig, type Student } from '../../src/index.ts'

export const sizes = {
  ...{ vocab_size: 60, embedding_size: 6, hidden_size: 5, num_layers: 2, num_labels: 3 },
  ...{ cell: 'rnn', bidirectional: false, pooling: 'last' },
} as const

const stream = random(3, 'sentences')

export const sentences = Array.from({ length: 9 }, (_, i) =>
  Array.from({ length: [4, 7, 1, 4, 9, 2, 7, 3, 5][i] as number }, () => 10 + stream.integer(30)),
)

export const labels: Batch = { labels: { data: Int32Array.from(sentences, (_, i) => i % 3), dims: [sentences.length] } }

export const startOf = ({ model }: Student): Map<string, Tensor> =>
  new Map([...model.trainable].map((name) => [name, model.graph.initializers.get(name) as Tensor]))

export async function sessionOf({ model }: Pick<Student, 'model'>, optimizer: Optimizer = adam()) {
  return TrainingSession.create({
    artifacts: generateArtifacts(model, { loss: crossEntropy(), optimizer }),
    device: defaultDevice(),
  })
}

/** Logits of ONNX's own recurrent operator over padded sentences. */
export async function inferred(
  config: DistilRnnConfig,
  student: Student,
  side: 'left' | 'right',
): Promise<Float32Array> {
  const graph = distilRnnInference(config, student.parameters(startOf(student)))
  const columns = 11
  const [ids, mask] = [new BigInt64Array(sentences.length * columns), new BigInt64Array(sentences.length * columns)]
  sentences.forEach((sentence, i) => {
    const start = i * columns + (side === 'left' ? columns - sentence.length : 0)
    sentence.forEach((id, k) => {
      ids[start + k] = BigInt(id)
      mask[start + k] = 1n
    })
  })
  const session = await openSession({ graph }, defaultDevice())
  const dims = [sentences.length, columns]
  const { logits } = await session.run({
    input_ids: new OrtTensor('int64', ids, dims),
    attention_mask: new OrtTensor('int64', mask, dims),
  })
  await session.release()
  return (logits as OrtTensor).data as Float32Array
}
