// Frees memory of arrays that nothing will read again, at once: V8 lets a hundred megabytes of them wait.

/** Node 20 has no `transfer`. */
type Transferable = ArrayBuffer & { transfer?: (length: number) => ArrayBuffer }

/** Frees the buffers of arrays; views on them have no elements any more. Shared memory is left alone. */
export function freeMemory(...arrays: readonly ArrayBufferView[]): void {
  const buffers = arrays.map(({ buffer }) => buffer).filter((buffer) => buffer instanceof ArrayBuffer)
  const others = buffers.filter((buffer: Transferable) => !buffer.transfer?.(0))
  if (others.length > 0) closedPort()?.postMessage(undefined, others)
}

/** A port without another end: what is transferred to it has no owner. */
let port: MessagePort | undefined

/** Undefined where there are no ports, as in jsdom: V8 frees the memory when it will. */
function closedPort(): MessagePort | undefined {
  if (port || typeof MessageChannel === 'undefined') return port
  const { port1, port2 } = new MessageChannel()
  port1.close()
  port2.close()
  port = port1
  return port
}
