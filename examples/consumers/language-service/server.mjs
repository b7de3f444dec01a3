// An HTTP service with one language model and several adapters: each request names its own, and nothing is loaded again.
//
//   MODEL=folder ADAPTERS=poet=folder,lawyer=folder PORT=8080 node server.mjs      (MODEL may be a name of the hub)
//
//   POST /         {"adapter": "poet", "prompt": "The sea", "max_new_tokens": 40, "do_sample": true, "seed": 1}
//                  -> the new text, as it comes; the prompt may be messages, [{"role": "user", "content": "..."}]
//   GET  /         {"adapters": ["poet", "lawyer"]}
//   PUT  /NAME     loads, or loads again, the adapter in the folder NAME of LATER, while requests are answered;
//   DELETE /NAME   frees it. Of several changes of one NAME the last one holds. Both only where LATER=folder is set: keep
//                  them from clients that may not.
//
// The other fields are options of `generate`. Requests are answered at the same time; a client that goes away ends its
// own. Errors are {"error": "..."}: 400 for what a request asks, 413 for its length, 503 with Retry-After when as many
// as MAX_RUNNING are answered. SIGTERM and SIGINT answer what is under way, and end with code 0.

import { createServer } from 'node:http'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { ColaError } from '@cola/graph'
import { openGenerator } from '@cola/lora'

const { MODEL, ADAPTERS, LATER, HOST = '127.0.0.1', PORT = '8080' } = process.env
const MAX_BODY_BYTES = Number(process.env.MAX_BODY_BYTES ?? 256 * 1024)
const MAX_NEW_TOKENS = Number(process.env.MAX_NEW_TOKENS ?? 500)
const MAX_RUNNING = Number(process.env.MAX_RUNNING ?? 16)

const adapters = Object.fromEntries(ADAPTERS.split(',').map((pair) => pair.split(/=(.*)/s).slice(0, 2)))
const generator = await openGenerator(MODEL, { adapters })
let running = 0

/** A request that is answered with an error. The message is for the client; those of other errors are not. */
class Refusal extends Error {
  constructor(status, message, headers = {}) {
    super(message)
    Object.assign(this, { status, headers })
  }
}

/** What is beyond the limit is read and dropped, so that the client gets its answer. */
async function bodyOf(request) {
  const chunks = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  if (size > MAX_BODY_BYTES) throw new Refusal(413, `body: more than ${MAX_BODY_BYTES} bytes`)
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch {
    throw new Refusal(400, 'body: not JSON')
  }
}

/** One prompt a request: a list is a conversation, and no list of such. */
const isPrompt = (prompt) =>
  typeof prompt === 'string' || (Array.isArray(prompt) && prompt.every((one) => typeof one?.role === 'string'))

/** The first piece is generated before the answer begins: what a request asks wrongly is told by its status. */
async function answer(request, response, signal) {
  const { prompt, max_new_tokens = 40, ...options } = (await bodyOf(request)) ?? {}
  if (!isPrompt(prompt)) throw new Refusal(400, 'prompt: expected a text, or messages of a conversation')
  if (max_new_tokens > MAX_NEW_TOKENS) throw new Refusal(400, `max_new_tokens: at most ${MAX_NEW_TOKENS}`)
  const pieces = generator.stream(prompt, { ...options, max_new_tokens, signal })
  const first = await pieces.next()
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
  async function* all() {
    if (!first.done) yield first.value
    yield* pieces
  }
  await pipeline(all, response)
}

/** Changes the adapters of the open session. */
async function change({ method, url }) {
  const name = url.slice(1)
  if (LATER === undefined) throw new Refusal(405, 'the adapters of this service do not change', { allow: 'GET, POST' })
  if (!/^\w[\w-]*$/.test(name)) throw new Refusal(404, 'a name of letters, digits, _ and - expected')
  if (method === 'PUT') await generator.loadAdapter(name, join(LATER, name))
  else generator.deleteAdapter(name)
}

function refusalOf(error) {
  if (error instanceof Refusal) return error
  // The libraries' errors say what is wrong with the prompt or an option.
  if (error instanceof ColaError) return new Refusal(400, error.message)
  console.error(error)
  return new Refusal(500, 'internal error')
}

const server = createServer(async (request, response) => {
  const gone = new AbortController()
  response.on('close', () => gone.abort())
  const send = (status, body, headers) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  if (request.method === 'GET') return send(200, { adapters: generator.adapters })
  running += 1
  try {
    if (request.method === 'PUT' || request.method === 'DELETE') {
      await change(request)
      return send(200, { adapters: generator.adapters })
    }
    if (running > MAX_RUNNING) throw new Refusal(503, 'busy', { 'retry-after': '1' })
    await answer(request, response, gone.signal)
  } catch (error) {
    if (request.socket.destroyed) return
    const { status, message, headers } = refusalOf(error)
    // What has begun cannot be told otherwise any more.
    if (response.headersSent) response.destroy()
    else send(status, { error: message }, headers)
  } finally {
    running -= 1
  }
})

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, () => server.close(() => process.exit(0)))
server.listen(Number(PORT), HOST, () => console.log(`listening on ${server.address().port}`))
