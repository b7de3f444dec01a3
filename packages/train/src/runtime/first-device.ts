// What `auto` stands for: the first device that is not slower than the processor and works. Loaded when it is needed.

import { DeviceError } from '../errors.ts'
import { hasFiles } from '../files/node.ts'
import { fixOf, isHere } from './device-platforms.ts'
import { deviceNames, deviceRow, type ResolvedDevice } from './devices.ts'
import { slowness } from './measure-device.ts'
import { missingAdapter } from './missing-adapter.ts'
import { openSession } from './open-session.ts'
import { installNode, loadRuntime } from './ort.ts'

/**
 * Why a device is left alone; nothing for one that is tried.
 * @throws {DeviceError} where a browser has no WebGPU.
 */
async function reasonAgainst(candidate: ResolvedDevice, processor: ResolvedDevice): Promise<string | undefined> {
  if (!deviceRow(candidate).selfTest) return undefined
  const missing = hasFiles() ? undefined : await missingAdapter(candidate)
  return missing ?? slowness(candidate, processor, openSession)
}

/**
 * What `open` gives on the first device on which it does not throw. Each device is measured before; slower ones, and a
 * browser's WebGPU without an adapter, are named to `onWarning`.
 * @throws {DeviceError} when no device works; what `open` throws when a device works and refuses the model.
 */
export async function onFirstDevice<Opened>(
  open: (device: ResolvedDevice) => Promise<Opened>,
  onWarning: (message: string) => void = () => {},
): Promise<Opened> {
  if (hasFiles()) await loadRuntime('cpu')
  const candidates = deviceNames.filter(isHere)
  const processor = candidates.at(-1) as ResolvedDevice
  let modelError: unknown
  const refusals: string[] = []
  for (const candidate of candidates) {
    try {
      const reason = await reasonAgainst(candidate, processor)
      if (!reason) return await open(candidate)
      onWarning(reason)
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
    fix: hasFiles() ? installNode : fixOf('wasm'),
  })
}
