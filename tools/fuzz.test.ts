// A short run of the fuzzer: some cases of each target, the findings of earlier runs again, and its watchdog.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { random } from '@cola/data'
import { describe, expect, it } from 'vitest'
import { writeFinding } from './fuzz/findings.ts'
import { protobuf, safetensors } from './fuzz/mutations.ts'
import { openFindings } from './fuzz/open-findings.ts'
import { type Finding, runCases, tryInput } from './fuzz/run-cases.ts'
import { type TargetName, targets } from './fuzz/targets.ts'
import { watched } from './fuzz/watched.ts'
import { root } from './root.ts'

const names = Object.keys(targets) as TargetName[]
const mended = join(import.meta.dirname, 'fuzz/fixtures/mended')

describe.each(names)('%s', (name) => {
  it('reads mutated inputs, or refuses them by typed errors', async () => {
    const findings: string[] = []
    const onFinding = ({ kind, detail }: Finding) => {
      if (!openFindings[name]?.test(kind)) findings.push(`${kind}: ${detail}`)
    }
    await runCases(name, { seed: 1, more: (index) => index < 25, onFinding })
    expect(findings).toEqual([])
  })

  it.runIf(existsSync(join(mended, name)))('does not fail again on what was found before', async () => {
    const { read } = await targets[name].open()
    for (const file of readdirSync(join(mended, name)))
      expect(await tryInput(name, read, new Uint8Array(readFileSync(join(mended, name, file)))), file).toBeUndefined()
  })
})

describe('the fuzzer', () => {
  const work = mkdtempSync(join(tmpdir(), 'cola-fuzz-test-'))

  it('keeps an input that fails as a file that replays', async () => {
    const read = (input: Uint8Array) => {
      if (input[0] === 1) throw new TypeError('no')
    }
    expect(await tryInput('json', read, Uint8Array.of(0))).toBeUndefined()
    const finding = await tryInput('json', read, Uint8Array.of(1, 2))
    expect(finding?.kind).toMatch(/^TypeError in tools\/fuzz\.test\.ts/)
    const path = writeFinding(work, finding as NonNullable<typeof finding>)
    expect([...readFileSync(path)]).toEqual([1, 2])
  })

  it('finds what takes too long, or too much memory', async () => {
    const limits = { seconds: 0.1, mebibytes: 100 }
    const burn = () => {
      const { user } = process.cpuUsage()
      while (process.cpuUsage().user - user < 200_000) Math.hypot(...new Array(1000).fill(1))
    }
    const kindOf = async (read: () => unknown) => (await tryInput('json', read, new Uint8Array(), limits))?.kind
    expect(await kindOf(burn)).toBe('slow')
    expect(await kindOf(() => Buffer.alloc(400 << 20, 1))).toMatch(/slow|memory/)
    expect(await kindOf(() => undefined)).toBeUndefined()
  })

  it('tells a hang and a crash from an end', async () => {
    const progress = join(work, 'progress')
    writeFileSync(progress, new Uint8Array(BigInt64Array.of(7n).buffer))
    expect(await watched(['-e', 'while (true);'], progress, 500)).toMatchObject({ how: 'hang', index: 7 })
    expect(await watched(['-e', 'process.abort()'], progress, 60_000)).toMatchObject({ how: 'crash', index: 7 })
    expect(await watched(['-e', ''], progress, 60_000)).toMatchObject({ how: 'finished' })
    rmSync(work, { recursive: true })
  })

  it('repeats its mutations, which keep a format’s structure', () => {
    const model = readFileSync(join(root, 'packages/graph/test/fixtures/opsets/softmax-13.onnx'))
    const weights = readFileSync(join(root, 'packages/lora/test/fixtures/combine.safetensors'))
    for (const [mutate, input] of [
      [protobuf, model],
      [safetensors, weights],
    ] as const) {
      const [a, b, c] = [1, 1, 2].map((seed) => Buffer.from(mutate(new Uint8Array(input), random(seed, 'x'))))
      expect(a?.equals(b as Buffer)).toBe(true)
      expect(a?.equals(c as Buffer)).toBe(false)
    }
  })
})
