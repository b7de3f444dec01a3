// The service with one language model and several adapters: each request has its own, and they are answered at once.

import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Generator, loadPretrained, lora, openGenerator, writeAdapter } from '@cola/lora'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { moved } from './moved.ts'
import { root } from './root.ts'
import { type Service, startService } from './service.ts'

const work = mkdtempSync(join(tmpdir(), 'cola-language-service-'))
const MODEL = join(root, 'examples/model')
const names = ['poet', 'lawyer', 'cook']
const folders = Object.fromEntries(names.map((name) => [name, join(work, name)]))
const environment = { MODEL, ADAPTERS: names.map((name) => `${name}=${folders[name]}`).join() }
const prompt = 'The girls'

let generator: Generator
const services: Service[] = []
beforeAll(async () => {
  const { model } = await loadPretrained(MODEL)
  for (const [i, name] of names.entries())
    writeAdapter(
      folders[name] as string,
      moved(lora(model, { task_type: 'CAUSAL_LM', r: 2, target_modules: ['c_attn', 'c_fc'] }), i + 1, 0.1),
    )
  generator = await openGenerator(MODEL, { adapters: folders })
})
afterAll(async () => {
  await Promise.all(services.map(({ end }) => end('SIGKILL')))
  await generator.release()
  rmSync(work, { recursive: true })
})

async function started(settings: NodeJS.ProcessEnv = {}): Promise<Service> {
  const service = await startService('language-service', { ...environment, ...settings })
  services.push(service)
  return service
}

const post = (url: string, body: unknown) =>
  fetch(url, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })

describe('a service with a language model', () => {
  let service: Service
  beforeAll(async () => {
    service = await started({ MAX_BODY_BYTES: '500', MAX_NEW_TOKENS: '60', MAX_RUNNING: '4' })
  })

  it('answers requests at once, each with the adapter that it names, as the library does', async () => {
    const asked = [...names, undefined]
    const options = { max_new_tokens: 12, do_sample: true, seed: 3 }
    const answers = await Promise.all(
      asked.map(async (adapter) => (await post(service.url, { prompt, adapter, ...options })).text()),
    )
    expect(new Set(answers).size).toBe(4)
    for (const [i, adapter] of asked.entries())
      expect(answers[i]).toBe(await generator.generate(prompt, { ...options, ...(adapter ? { adapter } : {}) }))
    expect(await (await fetch(service.url)).json()).toEqual({ adapters: names })
  })

  it('sends a text as it comes', async () => {
    const { body } = await post(service.url, { prompt, adapter: 'poet', max_new_tokens: 60, do_sample: true })
    let pieces = 0
    for await (const _ of body ?? []) pieces++
    expect(pieces).toBeGreaterThan(3)
  })

  it.each<[string, unknown, number, RegExp]>([
    ['no JSON', '{', 400, /^body: not JSON$/],
    ['no prompt', {}, 400, /^prompt: expected a text, or messages/],
    ['several prompts', { prompt: ['a', 'b'] }, 400, /^prompt: expected a text, or messages/],
    ['token ids', { prompt: [1, 2] }, 400, /^prompt: expected a text, or messages/],
    ['token ids of several', { prompt: [[1, 2], [3]] }, 400, /^prompt: expected a text, or messages/],
    [
      'several conversations',
      { prompt: [[{ role: 'user', content: 'Hi' }]] },
      400,
      /^prompt: expected a text, or mess/,
    ],
    ['a conversation without a message', { prompt: [null] }, 400, /^prompt: expected a text, or messages/],
    [
      'messages where there is no chat template',
      { prompt: [{ role: 'user', content: 'Hi' }] },
      400,
      /^prompt, chat_template: the tokenizer has none/,
    ],
    ['an unknown adapter', { prompt, adapter: 'pirate' }, 400, /pirate/],
    ['an unknown option', { prompt, temprature: 1 }, 400, /temprature.*Did you mean .*temperature/s],
    ['too many tokens', { prompt, max_new_tokens: 61 }, 400, /^max_new_tokens: at most 60$/],
    ['a number of tokens that is none', { prompt, max_new_tokens: 'all' }, 400, /max_new_tokens/],
    ['a body too large', { prompt: 'a'.repeat(5_000_000) }, 413, /^body: more than 500 bytes$/],
  ])('refuses %s, and lives', async (_, body, status, message) => {
    const response = await post(service.url, body)
    const { error } = (await response.json()) as { error: string }
    expect({ status: response.status, error }).toEqual({ status, error: expect.stringMatching(message) })
    expect((await fetch(service.url)).status).toBe(200)
    expect(service.errors()).toBe('')
  })

  it('as many requests as there are places are answered; clients that go away give theirs back', async () => {
    const sockets = Array.from({ length: 4 }, () => connect(Number(new URL(service.url).port), '127.0.0.1'))
    for (const socket of sockets) socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{"prompt"')
    const status = async () => (await post(service.url, { prompt, adapter: 'cook', max_new_tokens: 4 })).status
    await expect.poll(status).toBe(503)
    for (const socket of sockets) socket.destroy()
    await expect.poll(status).toBe(200)
    const { body } = await post(service.url, { prompt, max_new_tokens: 60, do_sample: true })
    await body?.cancel()
    expect(await status()).toBe(200)
    expect(service.errors()).toBe('')
  })
})

it('takes an adapter while it runs, and frees it, where a folder for them is set', async () => {
  const { url, errors } = await started({ ADAPTERS: `poet=${folders.poet}`, LATER: work })
  const options = { adapter: 'cook', max_new_tokens: 8 }
  const call = async (method: string, name: string) => {
    const response = await fetch(`${url}${name}`, { method })
    return [response.status, await response.json()]
  }
  expect((await post(url, { prompt, ...options })).status).toBe(400)
  expect(await call('PUT', 'cook')).toEqual([200, { adapters: ['poet', 'cook'] }])
  expect(await (await post(url, { prompt, ...options })).text()).toBe(await generator.generate(prompt, options))
  expect(await call('DELETE', 'cook')).toEqual([200, { adapters: ['poet'] }])
  expect((await post(url, { prompt, ...options })).status).toBe(400)
  expect((await call('PUT', 'pirate'))[0]).toBe(400)
  expect((await call('PUT', '..%2Fcook'))[0]).toBe(404)
  const fixed = await started()
  expect((await fetch(`${fixed.url}cook`, { method: 'PUT' })).status).toBe(405)
  expect(errors()).toBe('')
})

it('SIGTERM answers what is under way, and ends with code 0', async () => {
  const { url, end } = await started()
  const options = { adapter: 'lawyer', max_new_tokens: 40, do_sample: true, seed: 5 }
  const response = await post(url, { prompt, ...options })
  const ended = end('SIGTERM')
  expect(await response.text()).toBe(await generator.generate(prompt, options))
  expect(await ended).toBe(0)
})
