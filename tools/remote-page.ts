// A page in any browser, driven from Node without the browser's help: a script in the page asks this server what to
// call, and answers. For engines that no driver of this repository knows.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { json } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** Milliseconds that the page may take for what is waited for. */
const longest = 60_000

export interface RemotePage {
  /** Calls a function in the page, and waits for what it promises. It sees its arguments only. */
  evaluate<Args extends unknown[], Result>(work: (...args: Args) => Result, ...args: Args): Promise<Awaited<Result>>
  /** Waits until a function in the page gives something true. @throws {Error} with the page's text. */
  until<Args extends unknown[]>(what: string, work: (...args: Args) => unknown, ...args: Args): Promise<void>
  /** Loads the page again, and waits until it is there. */
  reload(): Promise<void>
}

export interface Remote {
  page: RemotePage
  /** The script of the page. */
  script: string
  /** Answers the script's requests; others are left to who comes next. */
  handle(request: IncomingMessage, response: ServerResponse, next: () => void): void
}

interface Question {
  work: string
  args: readonly unknown[]
  reload?: boolean
  resolve: (value: never) => void
  reject: (error: Error) => void
}

export function remotePage(): Remote {
  const questions: Question[] = []
  let asked: Question | undefined
  let waiting: ServerResponse | undefined
  const give = () => {
    const question = waiting && questions.shift()
    if (!question) return
    asked = question
    const { work, args, reload = false } = question
    waiting?.end(JSON.stringify({ work, args, reload }))
    waiting = undefined
  }
  const ask = <Result>(work: string, args: readonly unknown[], reload = false): Promise<Result> =>
    new Promise((resolve, reject) => {
      questions.push({ work, args, reload, resolve, reject })
      give()
    })
  const page: RemotePage = {
    evaluate: (work, ...args) => ask(String(work), args),
    async until(what, work, ...args) {
      for (const end = Date.now() + longest; Date.now() < end; await sleep(100))
        if (await page.evaluate(work, ...args)) return
      const text = await page.evaluate(() => document.body.textContent)
      throw new Error(`waited in vain for ${what} on a page that says: ${text}`)
    },
    async reload() {
      await ask('() => undefined', [], true)
      await page.until('the page', () => document.readyState === 'complete')
    },
  }
  return {
    page,
    script: `(${pageScript})()`,
    handle(request, response, next) {
      if (request.url === '/remote/next') {
        waiting = response
        response.on('close', () => {
          if (waiting === response) waiting = undefined
        })
        return give()
      }
      if (request.url !== '/remote/answer') return next()
      return void json(request).then((body) => {
        const { value, error } = body as { value?: never; error?: string }
        if (error === undefined) asked?.resolve(value as never)
        else asked?.reject(new Error(error))
        response.end()
      })
    },
  }
}

/** Runs in the page. */
async function pageScript(): Promise<void> {
  for (;;) {
    const { work, args, reload } = await (await fetch('/remote/next')).json()
    const answer: { value?: unknown; error?: string } = {}
    try {
      answer.value = await Function(`return (${work})`)()(...args)
    } catch (error) {
      answer.error = String(error)
    }
    await fetch('/remote/answer', { method: 'POST', body: JSON.stringify(answer) })
    if (reload) return location.reload()
  }
}
