// Wrappers of fetch for requests to the hub: the token, and a timeout.

/** A fetch that sends the token to the hub, but to no other origin. */
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

/**
 * A fetch that aborts when no response, or no further part of its body, arrives in time.
 * @param timeout In milliseconds.
 */
export function withTimeout(inner: typeof fetch, timeout: number): typeof fetch {
  return async (input, init) => {
    const controller = new AbortController()
    const abort = () => controller.abort(new Error(`nothing came for ${timeout} ms`))
    let timer: ReturnType<typeof setTimeout> | undefined
    const restart = () => {
      clearTimeout(timer)
      timer = setTimeout(abort, timeout)
      timer.unref?.() // If nobody reads the body, the timer must not keep the process alive.
    }
    restart()
    const signal = init?.signal ? AbortSignal.any([init.signal, controller.signal]) : controller.signal
    const response = await inner(input, { ...init, signal }).finally(() => clearTimeout(timer))
    if (!response.body) return response
    restart()
    const watch = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, out) => {
        restart()
        out.enqueue(chunk)
      },
      flush: () => clearTimeout(timer),
    })
    return Object.defineProperty(new Response(response.body.pipeThrough(watch), response), 'url', {
      value: response.url,
    })
  }
}
