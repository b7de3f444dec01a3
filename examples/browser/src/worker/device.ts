// What runs here, as the page shows it, and which device is chosen.

import type { BaseModel } from '@cola/lora'
import { browserThreads, resolveDevice } from '@cola/train'
import type { TrainSettings } from '../messages.ts'

export interface DeviceReport {
  device: 'wasm' | 'webgpu'
  threads: number
  cores: number
  /** Whether the page is cross-origin isolated, which threads need. */
  isolated: boolean
  webgpu: boolean
  /** Bytes that this site keeps in the browser, and may keep. */
  stored: number
  quota: number
}

/** Whether a WebGPU adapter can be had. */
const hasWebgpu = async (): Promise<boolean> => {
  const { gpu } = navigator as { gpu?: { requestAdapter: () => Promise<unknown> } }
  return Boolean(await gpu?.requestAdapter().catch(() => undefined))
}

/** The device of a setting: for `auto`, graphics where it is there and quicker, which is measured. */
export async function chosenDevice(
  wanted: TrainSettings['device'],
  base: BaseModel,
  onWarning: (message: string) => void,
): Promise<DeviceReport['device']> {
  if (wanted !== 'auto') return wanted
  if (!(await hasWebgpu())) return 'wasm'
  return (await resolveDevice('auto', base.hiddenStates().graph, onWarning)) === 'webgpu' ? 'webgpu' : 'wasm'
}

/** How a device multiplies with frozen matrices while training: in eight bits where they are faster. */
export const productsOf = (device: DeviceReport['device']): 'int8' | 'float32' =>
  device === 'wasm' ? 'int8' : 'float32'

export async function deviceReport(device: DeviceReport['device']): Promise<DeviceReport> {
  const [estimate, webgpu] = await Promise.all([navigator.storage?.estimate().catch(() => undefined), hasWebgpu()])
  return {
    device,
    threads: device === 'wasm' ? browserThreads() : 1,
    cores: navigator.hardwareConcurrency,
    isolated: crossOriginIsolated,
    webgpu,
    stored: estimate?.usage ?? 0,
    quota: estimate?.quota ?? 0,
  }
}
