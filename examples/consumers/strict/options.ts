// Under exactOptionalPropertyTypes an option may be undefined, and options of one's own may be spread.

import { type FileSink, openFiles } from '@cola/data'
import { distill, kdLoss } from '@cola/distill'
import { differentiate, type Graph } from '@cola/graph'
import { fineTune, type Generator, loadFineTuned, openGenerator } from '@cola/lora'
import { randomEmbedding } from '@cola/rnn'
import { adamw, createTrainingWorker, loadClassifier, OrtTensor, openSession } from '@cola/train'

interface Settings {
  seed?: number | undefined
  epochs?: number | undefined
  device?: 'cpu' | 'wasm' | undefined
  temperature?: number | undefined
  signal?: AbortSignal | undefined
  r?: number | undefined
}

/** A place for files that has no more than it needs. */
const kept = new Map<string, Uint8Array[]>()
const sink: FileSink = { where: 'here', write: (name, chunks) => kept.set(name, [...chunks]), append: undefined }

/** Takes what a person has set, and leaves the rest to the defaults. */
export async function run({ seed, epochs, device, temperature, signal, r }: Settings, graph: Graph): Promise<number> {
  const train = [{ text: 'a parcel', label: 'track' }]
  const callbacks = { onEpoch: undefined }
  const tuned = await fineTune('model', {
    train,
    seed,
    epochs,
    device,
    signal,
    callbacks,
    lora: { r },
    labels: undefined,
  })
  const opened = await loadFineTuned('out', { device, labels: undefined, open: { revision: undefined } })
  await tuned.export(sink, { dtype: undefined })
  await distill({ teacher: tuned, student: { cell: undefined }, train, epochs, device, loss: { temperature } })
  randomEmbedding(2, 4, { seed })
  await openFiles('model', { files: undefined })
  differentiate(graph, { loss: 'loss', wrt: [] })
  adamw({ weight_decay: undefined })
  await createTrainingWorker({ folder: 'out', device, seed, createWorker: undefined })
  await loadClassifier('out', { device })
  const session = await openSession({ graph, path: undefined }, 'cpu')
  const { logits } = await session.run({ x: new OrtTensor('float32', [1, 2], [2]) })
  return kdLoss([0, 1], [1, 0], [1], { temperature }).loss + (logits?.dims[0] ?? 0) + opened.labels.length
}

/** The classes of the rows are those of the answers, and the names of adapters those that a call may choose. */
export async function names(): Promise<'spam' | 'ham' | undefined> {
  const train = [
    { text: 'win a prize', label: 'spam' },
    { text: 'see you at six', label: 'ham' },
  ] as const
  const [answer] = await (await fineTune('model', { train, seed: undefined })).classify(['see you'])
  const generator = await openGenerator('model', { adapters: { poet: 'out/poet', lawyer: 'out/lawyer' } })
  await generator.generate('A loom is', { adapter: 'poet', max_new_tokens: undefined })
  // @ts-expect-error: no such adapter
  await generator.generate('A loom is', { adapter: 'port' })
  const any: Generator = generator
  await any.generate('A loom is', { adapter: String(answer?.index) })
  return answer?.label
}
