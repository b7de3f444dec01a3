// Which messages of the runtime say that a device was lost.

import { describe, expect, it } from 'vitest'
import { DeviceLostError } from '../../src/index.ts'
import { lossOf } from '../../src/runtime/device-loss.ts'

describe('what the runtime says', () => {
  it.each([
    'WebGPU device lost (2): A valid external Instance reference no longer exists.',
    'VK_ERROR_DEVICE_LOST',
    'WebGPU validation failed. Instance dropped in popErrorScope',
    "Cannot read properties of undefined (reading 'destroy')",
    'can\'t access property "destroy", b is undefined',
    "undefined is not an object (evaluating 'b.destroy')",
  ])('of a device that was lost: %s', (message) => {
    expect(lossOf('webgpu', new Error(message))).toBeInstanceOf(DeviceLostError)
  })
  it.each(['indices element out of data bounds', "Cannot read properties of undefined (reading 'data')"])(
    'of something else: %s',
    (message) => {
      const cause = new Error(message)
      expect(lossOf('webgpu', cause)).toBe(cause)
    },
  )
})
