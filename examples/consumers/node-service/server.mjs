// An HTTP service with one base model and several adapters: each request names its own, and nothing is loaded again. The
// model runs in a worker thread, so the event loop is never stalled. MODEL=folder ADAPTERS=name=folder,name=folder
// PORT=8080 node server.mjs POST / {"adapter": "name", "texts": ["..."]} answers [{"label": 1, "probabilities": [0.1,
// 0.9]}, ...], with the labels' names where the adapter has them; GET / answers {"adapters": [...]}.

import { createServer } from 'node:http'
import { Worker } from 'node:worker_threads'

const adapters = Object.fromEntries((process.env.ADAPTERS ?? '').split(',').map((pair) => pair.split('=')))
const worker = new Worker(new URL('./model.mjs', import.meta.url), {
  workerData: { model: process.env.MODEL, adapters },
})
const waiting = new Map()
let calls = 0
const ready = new Promise((resolve, reject) => {
  worker.once('error', reject)
  worker.on('message', ({ id, result, error }) => {
    if (id === undefined) return resolve(undefined)
    const { resolve: done, reject: fail } = waiting.get(id)
    waiting.delete(id)
    return error ? fail(new Error(error)) : done(result)
  })
})
const ask = (question) =>
  new Promise((resolve, reject) => {
    waiting.set(++calls, { resolve, reject })
    worker.postMessage({ id: calls, ...question })
  })

const server = createServer(async (request, response) => {
  const send = (status, body) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (request.method === 'GET') return send(200, { adapters: Object.keys(adapters) })
  try {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    return send(200, await ask(JSON.parse(Buffer.concat(chunks).toString())))
  } catch (error) {
    return send(400, { error: error.message })
  }
})
await ready
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => console.log(`listening on ${server.address().port}`))
