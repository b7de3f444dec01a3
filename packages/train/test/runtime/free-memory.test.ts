import { expect, it } from 'vitest'
import { freeMemory } from '../../src/runtime/free-memory.ts'

it('frees a buffer at once, and every view on it', () => {
  const before = process.memoryUsage().arrayBuffers
  const held = Array.from({ length: 4 }, () => new Float32Array(4e6))
  const view = held[0]?.subarray(5)
  expect(process.memoryUsage().arrayBuffers - before).toBeGreaterThan(60e6)
  for (const array of held) freeMemory(array)
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(10e6)
  expect([held[0]?.length, view?.length]).toEqual([0, 0])
})

it('leaves shared memory alone', () => {
  const shared = new Float32Array(new SharedArrayBuffer(16))
  freeMemory(shared)
  expect(shared.length).toBe(4)
})
