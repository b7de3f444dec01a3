// Opens models on the device that is asked for, which may be `auto`.

import type { Graph } from '@cola/graph'
import { checkDevice, type Device, deviceRow, type ResolvedDevice } from './devices.ts'
import { openSession, type RunnableModel } from './open-session.ts'
import type { OrtSession } from './ort.ts'

/** A model that is open, and the device that runs it. */
export interface ResolvedSession<Runnable extends RunnableModel = RunnableModel> {
  readonly device: ResolvedDevice
  /** What `modelFor` gave for the device. */
  readonly model: Runnable
  readonly session: OrtSession
}

/**
 * Opens a model on a device; for `auto` on the first that is not slower than the processor and opens it. Each device is
 * measured before the model is read for it; slower ones, and a browser's WebGPU without an adapter, are named to
 * `onWarning`. A GPU that is lost is opened again by the next run (of `auto` maybe another device), which is repeated.
 * @param modelFor The model as a device runs it.
 * @throws {DeviceError} for a name that is not a device, or when no device works; what {@link openSession} throws when
 * a device works and refuses the model.
 */
export async function openResolved<Runnable extends RunnableModel>(
  device: Device,
  modelFor: (device: ResolvedDevice) => Runnable | Promise<Runnable>,
  onWarning?: (message: string) => void,
): Promise<ResolvedSession<Runnable>> {
  checkDevice(device)
  const open = async (one: ResolvedDevice) => {
    const model = await modelFor(one)
    return { device: one, model, session: await openSession(model, one) }
  }
  const openAny = async () =>
    device === 'auto' ? (await import('./first-device.ts')).onFirstDevice(open, onWarning) : open(device)
  const opened = await openAny()
  return deviceRow(opened.device).selfTest
    ? (await import('./reopening.ts')).reopening(opened, openAny, onWarning)
    : opened
}

/**
 * Resolves `auto` as {@link openResolved} does, with a model that is closed again. Other devices are returned as they
 * are.
 * @throws what {@link openResolved} throws.
 */
export async function resolveDevice(
  device: Device,
  probe: Graph | RunnableModel,
  onWarning?: (message: string) => void,
): Promise<ResolvedDevice> {
  checkDevice(device)
  if (device !== 'auto') return device
  const opened = await openResolved(device, () => ('graph' in probe ? probe : { graph: probe }), onWarning)
  await opened.session.release()
  return opened.device
}
