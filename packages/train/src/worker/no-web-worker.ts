// In place of ./web-worker.ts in Node, which has threads of its own: a server's bundler is asked for no worker.

export const createWebWorker = (): Worker => {
  throw new Error('Node has threads of its own')
}
