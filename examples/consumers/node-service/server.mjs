// An HTTP service with one base model and several adapters: each request names its own, and nothing is loaded again.
// The model runs in a worker thread, so that the event loop answers meanwhile.
//
//   MODEL=folder ADAPTERS=name=folder,name=folder PORT=8080 node server.mjs      (settings.mjs has the limits)
//
//   POST /         {"adapter": "name", "texts": ["..."]} -> [{"label": "good", "probabilities": [0.1, 0.9]}, ...]
//   GET  /         {"adapters": ["name", ...]}
//   GET  /healthz  200, or 503 once the service is about to end
//
// Errors are {"error": "field: what is wrong"}: 400, 404, 405, 413 for requests, 503 with Retry-After when the queue is
// full, 504 after the timeout. SIGTERM and SIGINT answer what is under way, and end with code 0.

import { once } from 'node:events'
import { createServer } from 'node:http'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Worker } from 'node:worker_threads'
import { questionReader } from './question.mjs'
import { createQueue } from './queue.mjs'
import { Refusal } from './refusal.mjs'
import { readSettings } from './settings.mjs'

const settings = readSettings(process.env)
const adapters = [...settings.ADAPTERS.keys()]
const worker = new Worker(new URL('./model.mjs', import.meta.url), {
  workerData: { model: settings.MODEL, adapters: settings.ADAPTERS },
})
// A worker that fails takes the process with it, for whatever started the service to start it again.
worker.on('error', (error) => {
  console.error(error)
  process.exit(1)
})
await once(worker, 'message')

const queue = createQueue(worker, settings)
const readQuestion = questionReader(adapters, settings)
const delay = monitorEventLoopDelay({ resolution: 10 })
delay.enable()
let ending = false

const health = () => ({
  status: ending ? 'ending' : 'ok',
  waiting: queue.waiting(),
  event_loop_delay_ms: { mean: delay.mean / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 },
})

const routes = {
  '/': {
    GET: () => ({ adapters }),
    POST: async (request, signal) => queue.ask(await readQuestion(request), signal),
  },
  '/healthz': {
    GET: () => {
      if (ending) throw new Refusal(503, 'ending', { body: health() })
      return health()
    },
  },
}

function handlerOf({ method, url }) {
  const path = url.split('?', 1)[0]
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  if (!route) throw new Refusal(404, 'no such path')
  if (!Object.hasOwn(route, method)) {
    const allow = Object.keys(route).join(', ')
    throw new Refusal(405, `expected ${allow}`, { headers: { allow } })
  }
  return route[method]
}

// For clients that send slowly, or nothing.
const patience = {
  requestTimeout: settings.TIMEOUT_MS,
  headersTimeout: settings.TIMEOUT_MS,
  connectionsCheckingInterval: 1000,
}
const server = createServer(patience, async (request, response) => {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const send = (status, body, headers = {}) => {
    const close = ending ? { connection: 'close' } : {}
    response.writeHead(status, { 'content-type': 'application/json', ...close, ...headers }).end(JSON.stringify(body))
  }
  try {
    send(200, await handlerOf(request)(request, gone.signal))
  } catch (error) {
    if (gone.signal.aborted) return
    if (error instanceof Refusal) return send(error.status, error.body, error.headers)
    console.error(error)
    send(500, { error: 'internal error' })
  } finally {
    request.resume()
  }
})
server.maxConnections = settings.MAX_CONNECTIONS

function end() {
  if (ending) return
  ending = true
  server.close(async () => {
    await worker.terminate()
    process.exit(0)
  })
  setTimeout(() => server.closeAllConnections(), settings.TIMEOUT_MS + 1000).unref()
}
for (const signal of ['SIGTERM', 'SIGINT']) process.on(signal, end)

server.listen(settings.PORT, settings.HOST, () => console.log(`listening on ${server.address().port}`))
