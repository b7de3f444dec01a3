import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, vi } from 'vitest'
import { DeviceError, TrainingSession, openSession, sgd } from '../../src/index.ts'
import { artifactsOf, collate, rows } from '../support/tiny.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-test-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** The library's folders; the runtime leaves files of its own. */
const ours = (place: string) => readdirSync(place).filter((name) => name.startsWith('cola.'))

/** A new folder for this process's temporary files. */
function temporaryFiles(name: string): string {
  const place = join(folder, name)
  mkdirSync(place)
  for (const variable of ['TMPDIR', 'TEMP']) vi.stubEnv(variable, place)
  return place
}

describe('devices', () => {
  it.each([
    [
      'gpu',
      'option device: no such device, expected auto, cuda, webgpu, cpu, wasm, found "gpu". ' +
        'Write "webgpu", or "cuda" for an NVIDIA GPU',
    ],
    ['cuda:0', /found "cuda:0"\. Write "cuda"/],
    ['CPU', /found "CPU"\. Write "cpu"/],
    ['mps', /Write "webgpu"/],
    ['tpu', /found "tpu"\. "auto" takes the first that works/],
    ['toString', /found "toString"\. "auto" takes/],
    ['toLocaleString', /\. "auto" takes/],
    ['constructor', /found "constructor"\. "auto" takes/],
  ])('refuses the device %j, and says which is meant', async (name, message) => {
    const device = name as 'cpu'
    await expect(TrainingSession.create({ artifacts: artifactsOf(sgd()), device })).rejects.toThrow(message)
    await expect(openSession({ graph: artifactsOf(sgd()).trainingModel }, device)).rejects.toThrow(DeviceError)
  })
  it.each([[['cpu']], [Object.create(null)]])('refuses the device %j, which is no name', async (device) => {
    await expect(openSession({ graph: artifactsOf(sgd()).trainingModel }, device)).rejects.toThrow(/device/)
  })
  it.skipIf(process.platform === 'win32')('leaves no files behind in a process that is killed', async () => {
    const place = temporaryFiles('tmp')
    const artifacts = artifactsOf(sgd(), { width: 256 })
    const session = await TrainingSession.create({ artifacts, device: 'cpu' })
    vi.unstubAllEnvs()
    expect(ours(place)).toEqual([])
    const kept = await TrainingSession.create({ artifacts, device: 'cpu', folder: join(folder, 'kept') })
    expect(readdirSync(join(folder, 'kept'))).toContain('frozen_weights.bin')
    const losses = await Promise.all([session, kept].map((one) => one.runTrainStep(collate(rows(8)))))
    expect(losses[0]?.loss).toBe(losses[1]?.loss)
    await Promise.all([session.release(), kept.release()])
  })
  it.each([
    ['float32 on CUDA is not TF32', undefined, '0'],
    ['but where the caller says so', '1', '1'],
  ])('%s', async (_, before, after) => {
    vi.stubEnv('NVIDIA_TF32_OVERRIDE', before)
    await TrainingSession.create({ artifacts: artifactsOf(sgd()), device: 'cuda' }).catch(() => undefined)
    expect(process.env.NVIDIA_TF32_OVERRIDE).toBe(after)
    vi.unstubAllEnvs()
  })
  it.each([
    ['a device without its library, which "auto" leaves alone', 'cuda', ['cpu']],
    ['a model that is refused', 'refused', ['ModelError']],
    ['a run that fails', 'fails', ['Error']],
  ])('print nothing for %s', (_, what, said) => {
    const program = join(import.meta.dirname, '../support/quiet.ts')
    const args = ['--import', 'tsx', '--conditions=@cola/source', program, what]
    const env = { ...process.env, VK_ICD_FILENAMES: '/none' }
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env })
    expect([stdout.trim().split('\n'), stderr.match(/.*onnxruntime.*/g) ?? []]).toEqual([said, []])
  })
  it('gives advice for a device that is not available, and leaves no files', async () => {
    const place = temporaryFiles('refused')
    await expect(TrainingSession.create({ artifacts: artifactsOf(sgd()), device: 'cuda' })).rejects.toThrow(DeviceError)
    await expect(TrainingSession.create({ artifacts: artifactsOf(sgd()), device: 'cuda' })).rejects.toThrow(
      /CUDA needs Linux x64/,
    )
    vi.unstubAllEnvs()
    expect(ours(place)).toEqual([])
  })
})
