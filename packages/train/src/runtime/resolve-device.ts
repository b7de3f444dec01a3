// The device for `auto`: the first that is not slower than the processor and opens the model.

import type { Graph } from '@cola/graph'
import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import { checkDevice, type Device, deviceNames, deviceRow, type ResolvedDevice } from './devices.ts'
import { openSession, type RunnableModel } from './open-session.ts'
import { installNode, loadRuntime, type OrtSession } from './ort.ts'

/** A model that is open, and the device that runs it. */
export interface ResolvedSession<Runnable extends RunnableModel = RunnableModel> {
  readonly device: ResolvedDevice
  /** What `modelFor` gave for the device. */
  readonly model: Runnable
  readonly session: OrtSession
}

/** Why a device is left alone, if it is slower than the processor. Loaded when it is measured. */
const slowness = async (device: ResolvedDevice, processor: ResolvedDevice): Promise<string | undefined> =>
  (await import('./measure-device.ts')).slowness(device, processor, openSession)

/**
 * Opens a model on a device; for `auto` on the first that is not slower than the processor and opens it. Each device is
 * measured before the model is read for it; slower ones are named to `onWarning`.
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
  if (device !== 'auto') return open(device)
  if (hasFiles()) await loadRuntime('cpu')
  const platform = hasFiles() ? 'node' : 'browser'
  const candidates = deviceNames.filter((name) => deviceRow(name).platforms.includes(platform))
  const processor = candidates.at(-1) as ResolvedDevice
  let modelError: unknown
  const refusals: string[] = []
  for (const candidate of candidates) {
    try {
      const slow = deviceRow(candidate).selfTest ? await slowness(candidate, processor) : undefined
      if (!slow) return await open(candidate)
      onWarning?.(slow)
    } catch (error) {
      if (error instanceof DeviceError) refusals.push(error.message)
      else modelError = error
    }
  }
  if (modelError) throw modelError
  throw new DeviceError({
    where: 'device "auto"',
    what: 'no device works',
    expected: candidates.join(', '),
    found: refusals.join(' '),
    fix: hasFiles() ? installNode : deviceRow('wasm').fix,
  })
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
