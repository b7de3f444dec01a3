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
  /** Bytes that this site keeps in the browser, and may keep. */
  stored: number
  quota: number
}

/** The device of a setting: for `auto`, graphics where it is there and quicker, which is measured. */
export const chosenDevice = (wanted: TrainSettings['device'], base: BaseModel): Promise<DeviceReport['device']> =>
  resolveDevice(wanted, base.hiddenStates().graph) as Promise<DeviceReport['device']>

/** How a device multiplies with frozen matrices while training: in eight bits where they are faster. */
export const productsOf = (device: DeviceReport['device']): 'int8' | 'float32' =>
  device === 'wasm' ? 'int8' : 'float32'

export async function deviceReport(device: DeviceReport['device']): Promise<DeviceReport> {
  const estimate = await navigator.storage?.estimate().catch(() => undefined)
  return {
    device,
    threads: device === 'wasm' ? browserThreads() : 1,
    cores: navigator.hardwareConcurrency,
    isolated: crossOriginIsolated,
    stored: estimate?.usage ?? 0,
    quota: estimate?.quota ?? 0,
  }
}
