import { expect, it } from 'vitest'
import { freeMemory } from '../../src/runtime/free-memory.ts'

it('leaves views of a freed buffer without elements', () => {
  const array = new Float32Array(8)
  const view = array.subarray(5)
  freeMemory(array)
  expect([array.length, view.length]).toEqual([0, 0])
})

// Browsers do not tell what their buffers take.
it.skipIf(typeof process === 'undefined')('frees buffers at once', () => {
  const before = process.memoryUsage().arrayBuffers
  const held = Array.from({ length: 4 }, () => new Float32Array(4e6))
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60e6)
  for (const array of held) freeMemory(array)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6)
})

it('leaves shared memory alone', () => {
  const shared = new Float32Array(new SharedArrayBuffer(16))
  freeMemory(shared)
  expect(shared.length).toBe(4)
})
