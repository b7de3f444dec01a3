// The worker thread: one session, whose adapters are inputs.

import { parentPort, workerData } from 'node:worker_threads'
import { DataError, longestInput, packSentences, softmax } from '@cola/data'
import { loadPretrained, openAdapter, switchable } from '@cola/lora'
import { feedsOf, openSession } from '@cola/train'

const opened = [...workerData.adapters].map(async ([name, folder]) => [name, await openAdapter(folder)])
const adapters = new Map(await Promise.all(opened))
// The adapters of one session share the shape of their heads.
const [first] = adapters.values()
const num_labels = first.head?.num_labels ?? 2
const { model, config, tokenizer } = await loadPretrained(workerData.model, { num_labels })
const max_length = longestInput(config, tokenizer)
const { graph, feeds } = switchable(model, Object.fromEntries(adapters))
const session = await openSession({ graph }, 'cpu')

async function classify({ adapter, texts }) {
  const batch = packSentences(texts.map((text) => tokenizer.encode(text, { max_length })))
  const { logits } = await session.run(feedsOf(graph, graph.inputs, { ...batch, ...feeds(adapter) }).feeds)
  const { labels } = adapters.get(adapter).head ?? {}
  return texts.map((_, i) => {
    const probabilities = softmax([...logits.data.subarray(num_labels * i, num_labels * (i + 1))])
    const best = probabilities.indexOf(Math.max(...probabilities))
    return { label: labels?.[best] ?? best, probabilities }
  })
}

parentPort.on('message', async ({ id, question }) => {
  try {
    parentPort.postMessage({ id, answer: await classify(question) })
  } catch (error) {
    // A text that cannot be encoded is the client's; anything else is the service's.
    const status = error instanceof DataError ? 400 : undefined
    parentPort.postMessage({ id, error: { status, message: error.message } })
  }
})
parentPort.postMessage('ready')
