// A model that answers, opened again when its device was lost. Loaded with the first model on a device that may be.

import { DeviceError, DeviceLostError } from '../errors.ts'
import type { RunnableModel } from './open-session.ts'
import type { OrtSession, OrtTensor } from './ort.ts'
import type { ResolvedSession } from './resolve-device.ts'

/**
 * The model, whose session is opened again by a run that finds its device lost. The run is repeated, unless it reads
 * what was on the device: it rejects with a DeviceLostError then, and the next one runs.
 * @param open Opens the model as before; of `auto` maybe on another device.
 */
export function reopening<Runnable extends RunnableModel>(
  first: ResolvedSession<Runnable>,
  open: () => Promise<ResolvedSession<Runnable>>,
  onWarning: (message: string) => void = () => {},
): ResolvedSession<Runnable> {
  const { device, model, session } = first
  const { run, release } = session
  const bound = { run: run.bind(session) as OrtSession['run'], release: release.bind(session) }
  let current: Promise<Pick<OrtSession, 'run' | 'release'>> = Promise.resolve(bound)
  let released: Promise<void> | undefined
  const again = async (cause: DeviceError) => {
    const opened = await open().catch((error) => {
      throw error instanceof DeviceError ? gone(cause, error) : error
    })
    if (opened.device === device) return opened.session
    if (!sameFeeds(opened.model, model)) {
      await opened.session.release()
      throw gone(cause, undefined)
    }
    onWarning(`Device "${device}" does not come back: device "${opened.device}" goes on.`)
    return opened.session
  }
  const repeated = async (...args: Parameters<OrtSession['run']>) => {
    const used = current
    try {
      return await (await used).run(...args)
    } catch (cause) {
      if (!(cause instanceof DeviceError) || released) throw cause
      if (current === used) current = again(cause)
      const opened = await current
      if (Object.values(args[0]).some(isOnDevice)) throw read(cause)
      return opened.run(...args)
    }
  }
  const free = async () => (await current.catch(() => undefined))?.release()
  return {
    device,
    model,
    session: Object.assign(session, {
      run: repeated,
      release: () => {
        released ??= free()
        return released
      },
    }),
  }
}

const isOnDevice = ({ location }: OrtTensor): boolean => location === 'gpu-buffer'

/** Whether models take the same feeds and give the same outputs: devices may run other forms of one. */
const sameFeeds = (a: RunnableModel, b: RunnableModel): boolean =>
  String([a.graph.inputs, a.graph.outputs]) === String([b.graph.inputs, b.graph.outputs])

/** The error of a device that does not come back. */
function gone({ problem }: DeviceError, cause: DeviceError | undefined): DeviceLostError {
  const found = cause ? (cause.problem.found ?? cause.problem.what) : problem.found
  return new DeviceLostError(
    {
      where: problem.where,
      what: 'it was lost during a run and does not come back',
      ...(found ? { found } : {}),
      fix: 'Open the model again in a new process or after the page is reloaded, or on device "cpu" or "wasm".',
    },
    { cause },
  )
}

/** The error of a run that cannot be repeated. */
const read = (cause: DeviceError): DeviceLostError =>
  new DeviceLostError({ ...cause.problem, fix: 'It is open again: ask again.' }, { cause })
