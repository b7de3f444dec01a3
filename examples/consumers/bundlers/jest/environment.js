// jsdom lacks some of Node's functions, and its window has typed arrays of its own; the runtime's are Node's.

import { TestEnvironment } from 'jest-environment-jsdom'

const names = ['fetch', 'setImmediate', 'TextDecoder', 'TextEncoder']
const arrays = ['ArrayBuffer', 'BigInt64Array', 'Float32Array', 'Int32Array', 'Uint8Array']

export default class extends TestEnvironment {
  async setup() {
    await super.setup()
    for (const name of [...names, ...arrays]) this.global[name] = globalThis[name]
  }
}
