// The measures of `npm run cuda-check`, on the device that they compare with.

import { expect, it } from 'vitest'
import { formOn } from './forms.ts'

it('float16 turns gradients by a millionth, 8 bits by a ten-thousandth and 4 bits by a hundredth', async () => {
  const found = [
    await formOn('cpu', 'float32'),
    await formOn('cpu', 'float16'),
    await formOn('cpu', '8 bits'),
    await formOn('cpu', '4 bits'),
  ]
  // The same device computes the same numbers twice.
  for (const { fromCpu, holds } of found) expect([fromCpu, holds]).toEqual([0, true])
  const [float32, float16, bits8, bits4] = found.map(({ fromFloat32 }) => fromFloat32) as [
    number,
    number,
    number,
    number,
  ]
  expect(float32).toBeLessThan(1e-12)
  expect(float16).toBeGreaterThan(1e-9)
  expect(float16).toBeLessThan(2e-6)
  expect(bits8).toBeGreaterThan(float16)
  expect(bits8).toBeLessThan(5e-4)
  expect(bits4).toBeGreaterThan(bits8)
  expect(bits4).toBeLessThan(5e-2)
})
