// Recognises the loss of a device in what the runtime says.

import { DeviceLostError } from '../errors.ts'
import type { ResolvedDevice } from './devices.ts'

/** Messages of Dawn, of browsers, of Direct3D and of Vulkan. */
const lost = new RegExp(
  [
    'device (was |is |has been )?(lost|destroyed|removed|hung)',
    'lost (the )?(webgpu |gpu )?device',
    'DEVICE_(LOST|REMOVED|HUNG)',
    'external Instance reference no longer exists|Instance dropped',
    // onnxruntime-web's, of a buffer that it had on the device: in the words of V8, SpiderMonkey and JavaScriptCore.
    `undefined \\(reading 'destroy'\\)|property "destroy", .* undefined|undefined is not an object .*\\.destroy'`,
  ].join('|'),
  'i',
)

/** Makes a typed error of the loss of a device; other errors stay as they are. */
export function lossOf(device: ResolvedDevice, cause: unknown): unknown {
  const found = cause instanceof Error ? cause.message : String(cause)
  if (cause instanceof DeviceLostError || !lost.test(found)) return cause
  return new DeviceLostError(
    {
      where: `device "${device}"`,
      what: 'it was lost during a run',
      found,
      fix: 'Open it again. A TrainingSession has reopen() and setState(), which a Trainer with output_dir calls.',
    },
    { cause },
  )
}
