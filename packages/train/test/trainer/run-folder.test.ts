// What a run leaves in its folder, and what the next one makes of it.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { memorySink } from '@cola/data'
import { afterAll, describe, expect, it } from 'vitest'
import { adamw, CheckpointError, FileError, loadCheckpoint, Trainer, TrainingSession } from '../../src/index.ts'
import { artifactsOf, collate, rows } from '../support/tiny.ts'

const folder = mkdtempSync(join(tmpdir(), 'cola-run-folder-'))
afterAll(() => rmSync(folder, { recursive: true }))
const artifacts = artifactsOf(adamw())

type Options = ConstructorParameters<typeof Trainer>[0]

async function run(output_dir: Options['output_dir'], options: Partial<Options> = {}) {
  const session = await TrainingSession.create({ artifacts, device: 'cpu' })
  const data = { train: rows(16), evaluation: rows(8, 2), collate } as unknown as Options['data']
  const trainer = new Trainer({ session, data, epochs: 3, batch_size: 8, output_dir, ...options } as Options)
  try {
    return await trainer.train()
  } finally {
    await session.release()
  }
}

/** A process id that no process has: that of one which has ended. */
const deadProcess = (): number => spawnSync(process.execPath, ['-e', '']).pid

const dieAt = (step: number) => ({
  onStep: (log: { step: number }) => {
    if (log.step === step) throw new Error('killed')
  },
})

describe('the folder of a run', () => {
  it('does not continue an earlier run after one that died before its first save', async () => {
    const out = join(folder, 'earlier')
    await run(out)
    await expect(run(out, { callbacks: dieAt(1) })).rejects.toThrow('killed')
    const began: unknown[] = []
    const resumed = await run(out, { resume: true, callbacks: { onTrainBegin: (info) => began.push(info) } })
    expect(began).toEqual([{ total_steps: 6, resumed_from: 0 }])
    expect(resumed.losses).toHaveLength(6)
  })

  it('is refused to a second Trainer while the first lives', async () => {
    const out = join(folder, 'locked')
    let refused: unknown
    await run(out, {
      callbacks: { onTrainBegin: () => void run(out).catch((error) => (refused = error)), onStep: () => tick() },
    })
    expect(refused).toBeInstanceOf(FileError)
    expect(String(refused)).toMatch(/run\.lock: another run is writing to this folder, .*found process \d+@/)
    expect(existsSync(join(out, 'run.lock'))).toBe(false)
    await run(out)
  })

  it('is refused while another process lives, and taken over from one that does not', async () => {
    const out = join(folder, 'processes')
    mkdirSync(out)
    const host = hostname().replaceAll(/[^\w-]/g, '_')
    writeFileSync(join(out, 'run.lock'), `${process.ppid}@${host} other`)
    await expect(run(out)).rejects.toThrow(/another run is writing to this folder/)
    writeFileSync(join(out, 'run.lock'), `${deadProcess()}@${host} other`)
    await run(out)
    expect(existsSync(join(out, 'run.lock'))).toBe(false)
  })

  it('holds a store of another kind for one Trainer at a time', async () => {
    const store = memorySink()
    let refused: unknown
    await run(store, {
      callbacks: { onTrainBegin: () => void run(store).catch((error) => (refused = error)), onStep: () => tick() },
    })
    expect(String(refused)).toMatch(/another run is writing to this store/)
    await run(store, { resume: true })
  })

  it('refuses a checkpoint whose bytes have changed, and a missing or foreign best.safetensors', async () => {
    const out = join(folder, 'bytes')
    await run(out, { epochs: 2 })
    const resume = () => run(out, { epochs: 2, resume: true })
    const whole = readFileSync(join(out, 'checkpoint.safetensors'))
    const bent = Uint8Array.from(whole)
    bent[bent.length - 3] = (bent.at(-3) as number) ^ 1
    writeFileSync(join(out, 'checkpoint.safetensors'), bent)
    await expect(resume()).rejects.toThrow(/checkpoint\.safetensors: its bytes have changed/)
    await expect(loadCheckpoint(join(out, 'checkpoint.safetensors'))).rejects.toThrow(CheckpointError)
    // One step more in the state, which JSON allows.
    writeFileSync(
      join(out, 'checkpoint.safetensors'),
      Buffer.from(whole.toString('latin1').replace('\\"batches\\":4', '\\"batches\\":5'), 'latin1'),
    )
    await expect(resume()).rejects.toThrow(/its bytes have changed/)
    writeFileSync(join(out, 'checkpoint.safetensors'), whole)
    const best = readFileSync(join(out, 'best.safetensors'))
    rmSync(join(out, 'best.safetensors'))
    await expect(resume()).rejects.toThrow(/best\.safetensors: no such file/)
    await run(join(folder, 'foreign'), { epochs: 1 })
    writeFileSync(join(out, 'best.safetensors'), readFileSync(join(folder, 'foreign', 'best.safetensors')))
    await expect(resume()).rejects.toThrow(/best\.safetensors: it belongs to another run/)
    writeFileSync(join(out, 'best.safetensors'), best)
    await resume()
  })

  it('loses the temporary files of killed writes at the next start, and no others', async () => {
    const out = join(folder, 'swept')
    mkdirSync(out)
    const [dead, alive] = [deadProcess(), process.ppid]
    const left = [
      `checkpoint.safetensors.${dead}-1.tmp`,
      `best.safetensors.${dead}@${hostname().replaceAll(/[^\w-]/g, '_')}-abc.tmp`,
    ]
    const kept = [`checkpoint.safetensors.${alive}-1.tmp`, 'notes.tmp']
    for (const name of [...left, ...kept]) writeFileSync(join(out, name), 'x')
    await run(out, { epochs: 1 })
    const names = readdirSync(out)
    expect(names).toEqual(expect.arrayContaining(kept))
    for (const name of left) expect(names).not.toContain(name)
  })

  it('has every epoch in the log, also after a kill between a checkpoint and its line', async () => {
    const out = join(folder, 'log')
    await run(out)
    const path = join(out, 'log.jsonl')
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    writeFileSync(path, `${lines.slice(0, -1).join('\n')}\n`)
    await run(out, { resume: true })
    expect(readFileSync(path, 'utf8').trim().split('\n')).toEqual(lines)
  })
})

const tick = () => new Promise((resolve) => setTimeout(resolve, 20))

describe('temporary folders of sessions', () => {
  const ours = (parent: string) => readdirSync(parent).filter((name) => name.startsWith('cola.'))

  const source = (path: string) => JSON.stringify(new URL(`../../${path}`, import.meta.url).href)
  /** Runs a program whose temporary folders lie in `parent`, to its end. */
  const start = (parent: string, code: string) =>
    spawnSync(process.execPath, ['--import', 'tsx', '--conditions=@cola/source', '--input-type=module', '-e', code], {
      env: { ...process.env, TMPDIR: parent },
      encoding: 'utf8',
    })
  const making = `const { temporaryFolder } = await import(${source('src/files/temporary-folder.ts')}); temporaryFolder();`
  /** A signal that comes while the program waits, as a person or a system sends it. */
  const wait = (signal: string) => `process.kill(process.pid, '${signal}'); setTimeout(() => undefined, 60_000)`

  it.each([
    ['process.exit', 'process.exit(3)'],
    ['an exception', 'throw new Error("x")'],
    ['a rejection', 'Promise.reject(new Error("x"))'],
  ])('are removed when the process ends by %s while a session is opened', (_, end) => {
    const parent = mkdtempSync(join(folder, 'tmp-'))
    start(parent, `${making} ${end}`)
    expect(ours(parent)).toEqual([])
  })

  it.runIf(process.platform !== 'win32').each(['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGKILL'])(
    'of a process that %s ends while a session is opened are removed by the next one; those of living ones stay',
    (signal) => {
      const parent = mkdtempSync(join(folder, 'tmp-'))
      expect(start(parent, `${making} ${wait(signal)}`)).toMatchObject({ signal })
      expect(ours(parent)).toHaveLength(1)
      mkdirSync(join(parent, `cola.${process.pid}@${hostname().replaceAll(/[^\w-]/g, '_')}-living`))
      start(parent, `${making} process.exit(0)`)
      expect(ours(parent)).toHaveLength(1)
      expect(ours(parent)[0]).toMatch(/-living$/)
    },
  )

  it.runIf(process.platform !== 'win32').each([
    ['SIGINT', wait('SIGINT')],
    ['SIGTERM', wait('SIGTERM')],
    ['SIGHUP', wait('SIGHUP')],
    ['SIGKILL', wait('SIGKILL')],
    [null, 'throw new Error("x")'],
    [null, 'process.exit(3)'],
  ])('are gone once a session is open, so that %j leaves none, and the session listens to no signal', (signal, end) => {
    const parent = mkdtempSync(join(folder, 'tmp-'))
    const code = `
      const { TrainingSession, adam } = await import(${source('src/index.ts')})
      const { artifactsOf, collate, rows } = await import(${source('test/support/tiny.ts')})
      const { readdirSync } = await import('node:fs')
      const listeners = () => ['SIGINT', 'SIGTERM', 'SIGHUP'].map((name) => process.listenerCount(name))
      const before = listeners()
      const session = await TrainingSession.create({ artifacts: artifactsOf(adam(), { width: 64 }), device: 'cpu' })
      const { loss } = await session.runTrainStep(collate(rows(4)))
      const left = readdirSync(process.env.TMPDIR).filter((name) => name.startsWith('cola'))
      console.log(JSON.stringify({ left, isFinite: Number.isFinite(loss), before, after: listeners() }))
      ${end}`
    const { stdout, signal: endedBy } = start(parent, code)
    const { before, ...found } = JSON.parse(stdout)
    expect(found).toEqual({ left: [], isFinite: true, after: before })
    expect(endedBy).toBe(signal)
    expect(ours(parent)).toEqual([])
  })
})
