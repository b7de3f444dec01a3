// The worker: one session, whose adapters are inputs.

import { parentPort, workerData } from 'node:worker_threads'
import { longestInput, packSentences } from '@cola/data'
import { loadPretrained, readAdapter, switchable } from '@cola/lora'
import { feedsOf, openSession } from '@cola/train'

const { model, config, tokenizer } = await loadPretrained(workerData.model, { num_labels: 2 })
const max_length = longestInput(config, tokenizer)
const adapters = Object.fromEntries(
  Object.entries(workerData.adapters).map(([name, folder]) => [name, readAdapter(folder)]),
)
const { graph, feeds } = switchable(model, adapters)
const session = await openSession({ graph }, 'cpu')

function softmax(logits) {
  const weights = logits.map((logit) => Math.exp(logit - Math.max(...logits)))
  const total = weights.reduce((a, b) => a + b)
  return weights.map((weight) => weight / total)
}

async function classify({ adapter, texts }) {
  const batch = packSentences(texts.map((text) => tokenizer.encode(text, { max_length })))
  const { logits } = await session.run(feedsOf(graph, graph.inputs, { ...batch, ...feeds(adapter) }).feeds)
  return texts.map((_, i) => {
    const probabilities = softmax([...logits.data.subarray(2 * i, 2 * i + 2)])
    return { label: probabilities.indexOf(Math.max(...probabilities)), probabilities }
  })
}

let last = Promise.resolve()
parentPort.on('message', ({ id, ...question }) => {
  last = last.then(async () => {
    try {
      parentPort.postMessage({ id, result: await classify(question) })
    } catch (error) {
      parentPort.postMessage({ id, error: error.message })
    }
  })
})
parentPort.postMessage({})
