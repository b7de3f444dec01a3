// Starts the training worker in a browser. A bundler knows this form and makes a file of the worker's script, which
// does not import this one. Node's build has ./no-web-worker.ts instead.

export const createWebWorker = (): Worker => new Worker(new URL('./main.ts', import.meta.url), { type: 'module' })
