// Requests to the hub: with its token, and not waiting forever.

/** fetch that sends the token to the hub, and to nobody else. */
export function withToken(inner: typeof fetch, endpoint: string, token: string | undefined): typeof fetch {
  if (token === undefined) return inner
  return (input, init) => {
    if (new URL(input instanceof Request ? input.url : input).origin !== new URL(endpoint).origin)
      return inner(input, init)
    const headers = new Headers(init?.headers)
    headers.set('authorization', `Bearer ${token}`)
    return inner(input, { ...init, headers })
  }
}

/** fetch that gives up when nothing comes for so long: no answer, or no further bytes of its body. */
export function withTimeout(inner: typeof fetch, timeout: number): typeof fetch {
  return async (input, init) => {
    const controller = new AbortController()
    const abort = () => controller.abort(new Error(`nothing came for ${timeout} ms`))
    let timer: ReturnType<typeof setTimeout> | undefined
    const wait = () => {
      clearTimeout(timer)
      timer = setTimeout(abort, timeout)
      timer.unref?.() // Nobody may read the body.
    }
    wait()
    const signal = init?.signal ? AbortSignal.any([init.signal, controller.signal]) : controller.signal
    const response = await inner(input, { ...init, signal }).finally(() => clearTimeout(timer))
    if (!response.body) return response
    wait()
    const watch = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, out) => {
        wait()
        out.enqueue(chunk)
      },
      flush: () => clearTimeout(timer),
    })
    return Object.defineProperty(new Response(response.body.pipeThrough(watch), response), 'url', {
      value: response.url,
    })
  }
}
