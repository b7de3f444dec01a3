// A Node service of examples/consumers, started on the sources or where it is installed. For tests.

import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from './root.ts'

/** A service that runs. */
export interface Service {
  url: string
  /** Sends a signal. @returns The exit code, or the signal that ended it. */
  end: (signal: NodeJS.Signals) => Promise<number | string>
  /** What it wrote to standard error. */
  errors: () => string
}

// Node runs --import in each thread; tsx's own loader registers in the main thread only.
const tsx = pathToFileURL(join(root, 'node_modules/tsx/dist/esm/api/index.mjs')).href
const typescript = `data:text/javascript,import { register } from ${JSON.stringify(tsx)}; register()`

/**
 * Starts a service and waits until it listens.
 * @param name Its folder in examples/consumers.
 * @param folder Where it is installed. @default its sources, on the packages' sources
 */
export async function startService(name: string, env: NodeJS.ProcessEnv, folder?: string): Promise<Service> {
  const flags = folder ? [] : ['--import', typescript, '--conditions=@cola/source']
  const child = spawn(process.execPath, [...flags, 'server.mjs'], {
    cwd: folder ?? join(root, 'examples/consumers', name),
    env: { ...process.env, PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.on('data', (data) => {
    errors += data
  })
  const ended = new Promise<number | string>((resolve) =>
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'no code')),
  )
  const port = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (data) => {
      const found = /listening on (\d+)/.exec(String(data))?.[1]
      if (found) resolve(found)
    })
    ended.then((code) => reject(new Error(`the service ended with ${code}: ${errors}`)))
  })
  return {
    url: `http://127.0.0.1:${port}/`,
    end: (signal) => {
      child.kill(signal)
      return ended
    },
    errors: () => errors,
  }
}
