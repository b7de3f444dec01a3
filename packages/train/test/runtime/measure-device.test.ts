// What `auto` measures, on devices with a clock of their own: each run takes a latency, the way of its inputs to the
// device, and the time of its products.

import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Graph } from '@cola/graph'
import type { ResolvedDevice } from '../../src/runtime/devices.ts'
import { slowness } from '../../src/runtime/measure-device.ts'
import type { OrtSession, OrtTensors } from '../../src/runtime/ort.ts'

interface FakeDevice {
  gflops: number
  /** Milliseconds of a run without work. */
  latency?: number
  /** GB/s of inputs. */
  upload?: number
  /** Milliseconds of the first run, which compiles. */
  compile?: number
}

let now = 0
let step = 0
let greatest = 0
let released = 0

beforeEach(() => {
  ;[now, step, greatest, released] = [0, 0, 0, 0]
  vi.spyOn(performance, 'now').mockImplementation(() => (step ? Math.floor(now / step) * step : now))
})

/** Milliseconds of a run of square products. */
function timeOf(
  { gflops, latency = 0, upload = Number.POSITIVE_INFINITY }: FakeDevice,
  graph: Graph,
  feeds: OrtTensors,
) {
  const n = feeds.a?.dims[0] as number
  greatest = Math.max(greatest, n)
  const products = graph.nodes.filter(({ opType }) => opType === 'MatMul').length
  const bytes = Object.values(feeds).reduce((sum, { size }) => sum + 4 * size, 0)
  return latency + bytes / upload / 1e6 + (products * 2 * n ** 3) / gflops / 1e6
}

/** Why `auto` leaves a WebGPU alone, beside a processor. */
async function verdict(webgpu: FakeDevice, cpu: FakeDevice): Promise<string | undefined> {
  const fakes: Partial<Record<ResolvedDevice, FakeDevice>> = { webgpu, cpu }
  const open = async ({ graph }: { graph: Graph }, device: ResolvedDevice) => {
    const fake = fakes[device] as FakeDevice
    let first = fake.compile ?? 0
    const run = async (feeds: OrtTensors) => {
      now += timeOf(fake, graph, feeds) + first
      first = 0
      return {}
    }
    const release = async () => {
      released++
    }
    return { run, release } as unknown as OrtSession
  }
  return slowness('webgpu', 'cpu', open, new Map())
}

describe('auto takes a GPU', () => {
  it.each([
    ['that is as fast as the processor', { gflops: 100 }, { gflops: 100 }],
    ['that is as fast, behind a latency', { gflops: 100, latency: 5, upload: 1, compile: 900 }, { gflops: 100 }],
    // A server's GPU through Vulkan, beside 16 cores.
    ['with latency and a high rate', { gflops: 3000, latency: 3, upload: 2, compile: 300 }, { gflops: 1000 }],
    ['with much latency and a high rate', { gflops: 3000, latency: 25, upload: 2 }, { gflops: 500 }],
    ['faster than any clock', { gflops: 1e9 }, { gflops: 100 }],
    ['slower by less than measurements differ', { gflops: 96 }, { gflops: 100 }],
  ])('%s', async (_, webgpu: FakeDevice, cpu: FakeDevice) => {
    expect(await verdict(webgpu, cpu)).toBeUndefined()
    expect([greatest <= 2048, released]).toEqual([true, 2])
    expect(now).toBeLessThan(3000)
  })
  it.each([1, 16, 100])('by a clock with steps of %d ms', async (milliseconds) => {
    step = milliseconds
    expect(await verdict({ gflops: 3000, latency: 2 }, { gflops: 50 })).toBeUndefined()
  })
})

const left = 'Device "webgpu" is left alone: it multiplies'
const all = 'Name it to use it all the same.'

describe('auto leaves a GPU alone', () => {
  it.each([
    [{ gflops: 90 }, `${left} 0.9 times as fast as "cpu". ${all}`],
    [{ gflops: 30, latency: 4, compile: 200 }, `${left} 0.3 times as fast as "cpu". ${all}`],
    [{ gflops: 100 / 34, latency: 1 }, `${left} 34 times slower than "cpu", as software adapters do. ${all}`],
    // SwiftShader.
    [
      { gflops: 0.2, latency: 2, compile: 1200 },
      `${left} 500 times slower than "cpu", as software adapters do. ${all}`,
    ],
  ])('%o beside 100 GFLOP/s', async (webgpu: FakeDevice, message) => {
    expect(await verdict(webgpu, { gflops: 100 })).toBe(message)
    expect(now - (webgpu.compile ?? 0)).toBeLessThan(1000)
  })
})

it('each device is measured once', async () => {
  const run = async () => {
    now += 100
  }
  const open = vi.fn(async () => ({ run, release: async () => {} }) as never)
  const measured = new Map()
  await slowness('webgpu', 'cpu', open, measured)
  await slowness('webgpu', 'cpu', open, measured)
  expect(open).toHaveBeenCalledTimes(2)
})

it('a session whose run fails is released', async () => {
  const release = vi.fn(async () => {})
  const run = () => Promise.reject(new Error('lost'))
  await expect(slowness('webgpu', 'cpu', async () => ({ run, release }) as never, new Map())).rejects.toThrow('lost')
  expect(release).toHaveBeenCalledOnce()
})
