// The Node service under requests that do not fit it, under load, and at its end. SERVICE_LOAD_SECONDS=60 for a long load.

import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { random } from '@cola/data'
import { loadPretrained, lora, writeAdapter } from '@cola/lora'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { moved } from './moved.ts'
import { root } from './root.ts'
import { type Service, startService } from './service.ts'

const work = mkdtempSync(join(tmpdir(), 'cola-service-'))
const adapters = ['first', 'second', 'third']
const texts = ['The girls in the garden laugh.', 'The girls in the garden laughs.', 'A dog sleeps.', 'Sleeps dog a.']
const environment = {
  MODEL: join(root, 'examples/model'),
  ADAPTERS: adapters.map((name) => `${name}=${join(work, name)}`).join(),
}
type Answer = { label: number; probabilities: number[] }[]

beforeAll(async () => {
  const { model } = await loadPretrained(environment.MODEL, { num_labels: 2 })
  for (const [i, name] of adapters.entries())
    writeAdapter(
      join(work, name),
      moved(lora(model, { task_type: 'SEQ_CLS', r: 2, target_modules: ['c_attn', 'c_fc'] }), i + 1, 0.1),
    )
})
const services: Service[] = []
afterAll(async () => {
  await Promise.all(services.map(({ end }) => end('SIGKILL')))
  rmSync(work, { recursive: true })
})

async function started(settings: NodeJS.ProcessEnv = {}): Promise<Service> {
  const service = await startService('node-service', { ...environment, ...settings })
  services.push(service)
  return service
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })

describe('requests', () => {
  let service: Service
  beforeAll(async () => {
    service = await started({ MAX_BODY_BYTES: '1000', MAX_TEXTS: '3', MAX_CHARACTERS: '100', TIMEOUT_MS: '60000' })
  })

  it.each<[string, unknown, number, RegExp]>([
    ['no JSON', '{', 400, /^body: not JSON/],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]) as unknown, 400, /^body: not JSON/],
    ['null', 'null', 400, /^body: expected/],
    ['an array', [], 400, /^body: expected|^adapter/],
    ['an id of its own', { adapter: 'first', texts: ['a'], id: 1 }, 400, /^id: unknown field$/],
    ['no adapter', { texts: ['a'] }, 400, /^adapter: /],
    ['an unknown adapter', { adapter: 'fourth', texts: ['a'] }, 404, /^adapter: no adapter of this name$/],
    ['an adapter by a name of Object', { adapter: '__proto__', texts: ['a'] }, 404, /^adapter: /],
    ['no texts', { adapter: 'first', texts: [] }, 400, /^texts: no texts$/],
    ['a text that is a number', { adapter: 'first', texts: ['a', 1] }, 400, /^texts\.1: not a string$/],
    ['an empty text', { adapter: 'first', texts: [''] }, 400, /^texts\.0: empty$/],
    ['too many texts', { adapter: 'first', texts: Array(4).fill('a') }, 400, /^texts: more than 3 texts$/],
    ['a text too long', { adapter: 'first', texts: ['a'.repeat(101)] }, 400, /^texts\.0: more than 100 characters$/],
    ['a body too large', { adapter: 'first', texts: ['a'.repeat(5_000_000)] }, 413, /^body: more than 1000 bytes$/],
  ])('%s is refused, and the service lives', async (_, body, status, message) => {
    const response = Buffer.isBuffer(body)
      ? await fetch(service.url, { method: 'POST', body: new Uint8Array(body) })
      : await post(service.url, body)
    const said = (await response.json()) as { error: string; adapters?: string[] }
    expect({ status: response.status, error: said.error }).toEqual({ status, error: expect.stringMatching(message) })
    if (message.source.startsWith('^adapter')) expect(said.adapters).toEqual(adapters)
    expect((await fetch(`${service.url}healthz`)).status).toBe(200)
  })

  it('refuses other paths and methods', async () => {
    expect((await fetch(`${service.url}constructor`)).status).toBe(404)
    const response = await fetch(service.url, { method: 'DELETE' })
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET, POST'])
  })

  it('a client that goes away in the middle of a body harms nobody', async () => {
    const socket = connect(Number(new URL(service.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{"adapter"')
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.destroy()
    expect((await post(service.url, { adapter: 'first', texts: ['A dog.'] })).status).toBe(200)
    expect(service.errors()).toBe('')
  })
})

it('a question that waits longer than the timeout is answered by 504', async () => {
  const { url } = await started({ TIMEOUT_MS: '30', MAX_TEXTS: '500' })
  const many = { adapter: 'first', texts: Array(500).fill(texts[0]) }
  const statuses = await Promise.all([post(url, many), post(url, many)].map(async (answer) => (await answer).status))
  expect(statuses).toEqual([504, 504])
})

it('SIGTERM answers what is under way, takes nothing new, and ends with code 0', async () => {
  const { url, end } = await started({ TIMEOUT_MS: '60000', MAX_TEXTS: '200' })
  const many = { adapter: 'first', texts: Array(200).fill(texts[0]) }
  const under = Array.from({ length: 4 }, () => post(url, many))
  // The four have arrived when one is at the model and three wait.
  const waiting = async () => ((await (await fetch(`${url}healthz`)).json()) as { waiting: number }).waiting
  while ((await waiting()) < 2) await new Promise((resolve) => setTimeout(resolve, 2))
  const ended = end('SIGTERM')
  const responses = await Promise.all(under)
  expect(responses.map(({ status }) => status)).toEqual([200, 200, 200, 200])
  const answers = (await Promise.all(responses.map((response) => response.json()))) as Answer[]
  expect(answers.map(({ length }) => length)).toEqual([200, 200, 200, 200])
  expect(await ended).toBe(0)
  await expect(fetch(url)).rejects.toThrow()
})

it('under the load of 200 clients nothing is mixed up, a full queue says so, and the event loop is free', async () => {
  const seconds = Number(process.env.SERVICE_LOAD_SECONDS ?? 4)
  const { url, end, errors } = await started({ MAX_WAITING: '100', TIMEOUT_MS: '60000' })
  const questions = adapters.flatMap((adapter) => texts.map((_, i) => ({ adapter, texts: texts.slice(0, i + 1) })))
  const expected: Answer[] = []
  for (const question of questions) expected.push((await (await post(url, question)).json()) as Answer)
  const rounded = expected.map((answers) => answers.map(({ probabilities }) => probabilities[0]?.toFixed(4)).join())
  expect(new Set(rounded).size).toBe(questions.length)

  const counts = { answered: 0, busy: 0 }
  const until = performance.now() + 1000 * seconds
  const client = async (seed: number) => {
    const stream = random(seed, 'client')
    while (performance.now() < until) {
      const i = stream.integer(questions.length)
      const response = await post(url, questions[i])
      const said = await response.json()
      if (response.status === 503) {
        counts.busy++
        expect([said, response.headers.get('retry-after')]).toEqual([{ error: 'busy' }, '1'])
        await new Promise((resolve) => setTimeout(resolve, 50 + 100 * stream.uniform()))
        continue
      }
      expect(response.status).toBe(200)
      const probabilities = (said as Answer).flatMap((answer) => answer.probabilities)
      expect(probabilities).toBeAllclose(expected[i]?.flatMap((answer) => answer.probabilities) ?? [], { atol: 1e-5 })
      counts.answered++
    }
  }
  await Promise.all(Array.from({ length: 200 }, (_, seed) => client(seed)))
  const health = (await (await fetch(`${url}healthz`)).json()) as { event_loop_delay_ms: Record<string, number> }
  console.log(`service: ${JSON.stringify({ seconds, clients: 200, ...counts, ...health.event_loop_delay_ms })}`)
  expect(counts.answered).toBeGreaterThan(0)
  expect(counts.busy).toBeGreaterThan(0)
  expect(health.event_loop_delay_ms.mean).toBeLessThan(250)
  expect(errors()).toBe('')
  expect(await end('SIGTERM')).toBe(0)
})
