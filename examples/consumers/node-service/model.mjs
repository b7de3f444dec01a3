// The worker: one session, whose adapters are inputs.

import { parentPort, workerData } from 'node:worker_threads'
import { longestInput, packSentences } from '@cola/data'
import { loadPretrained, readAdapter, switchable } from '@cola/lora'
import { feedsOf, openSession } from '@cola/train'

const adapters = Object.fromEntries(
  Object.entries(workerData.adapters).map(([name, folder]) => [name, readAdapter(folder)]),
)
// The adapters of one session share the shape of their heads.
const num_labels = Object.values(adapters)[0]?.head?.num_labels ?? 2
const { model, config, tokenizer } = await loadPretrained(workerData.model, { num_labels })
const max_length = longestInput(config, tokenizer)
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
    const probabilities = softmax([...logits.data.subarray(num_labels * i, num_labels * (i + 1))])
    const best = probabilities.indexOf(Math.max(...probabilities))
    return { label: adapters[adapter]?.head?.labels?.[best] ?? best, probabilities }
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
