// Whether a browser's WebGPU has an adapter: on servers, behind blocked drivers or without hardware acceleration it may
// have none, and pages whose GPU was lost twice get none. Asked before the runtime opens a session for WebGPU, because
// one that fails for this leaves the runtime unable to open another in the same page.

import { DeviceError } from '../errors.ts'
import type { ResolvedDevice } from './devices.ts'

interface Gpu {
  requestAdapter(): Promise<object | null>
}

const what = 'the browser has WebGPU, but no adapter for it'
const fix =
  'Is there a GPU, and is hardware acceleration on? After losses of the GPU a page has none until it is reloaded.'

/** Whether the browser has WebGPU without an adapter. */
async function lacksAdapter(): Promise<boolean> {
  const { gpu } = navigator as { gpu?: Gpu }
  return gpu !== undefined && !(await gpu.requestAdapter().catch(() => null))
}

/** Why `auto` leaves WebGPU alone, where the browser has it without an adapter; nothing where it lacks WebGPU. */
export const missingAdapter = async (): Promise<string | undefined> =>
  (await lacksAdapter()) ? `Device "webgpu" is left alone: ${what}. ${fix}` : undefined

/** @throws {DeviceError} where the browser has WebGPU without an adapter. */
export async function requireAdapter(device: ResolvedDevice): Promise<void> {
  if (await lacksAdapter()) throw new DeviceError({ where: `device "${device}"`, what, fix })
}
