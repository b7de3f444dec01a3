// Whether a browser's WebGPU has an adapter: on servers, behind blocked drivers or without hardware acceleration it may
// have none, and pages whose GPU was lost twice get none. Asked before the runtime opens a session for WebGPU, because
// one that fails for this leaves the runtime unable to open another in the same page.

import { DeviceError } from '../errors.ts'
import { fixOf } from './device-platforms.ts'
import type { ResolvedDevice } from './devices.ts'

interface Gpu {
  requestAdapter(): Promise<object | null>
}

const noAdapter = 'the browser has WebGPU, but no adapter for it'
const fix =
  'Is there a GPU, and is hardware acceleration on? After losses of the GPU a page has none until it is reloaded.'

const gpu = (): Gpu | undefined => (navigator as { gpu?: Gpu }).gpu

const hasAdapter = async (): Promise<boolean> =>
  Boolean(
    await gpu()
      ?.requestAdapter()
      .catch(() => null),
  )

/**
 * Why `auto` leaves WebGPU alone, where the browser has it without an adapter.
 * @throws {DeviceError} where the browser has no WebGPU, which is not worth a word.
 */
export async function missingAdapter(device: ResolvedDevice): Promise<string | undefined> {
  requireWebgpu(device)
  return (await hasAdapter()) ? undefined : `Device "${device}" is left alone: ${noAdapter}. ${fix}`
}

/** @throws {DeviceError} where the browser has no WebGPU, or no adapter for it. */
export async function requireAdapter(device: ResolvedDevice): Promise<void> {
  requireWebgpu(device)
  if (!(await hasAdapter())) throw new DeviceError({ where: `device "${device}"`, what: noAdapter, fix })
}

function requireWebgpu(device: ResolvedDevice): void {
  if (gpu()) return
  throw new DeviceError({
    where: `device "${device}"`,
    what: 'the browser has no WebGPU',
    fix: fixOf(device),
  })
}
