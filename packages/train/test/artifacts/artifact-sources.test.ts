// Artifacts are opened wherever their files lie.

import { memorySink } from '@cola/data'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type EverySource, everySource, sourceKinds } from '../../../../tools/every-source.ts'
import { artifactFiles, sendFiles } from '../../src/worker/send-artifacts.ts'
import type { FilePart } from '../../src/worker/messages.ts'
import type { Thread } from '../../src/worker/thread.ts'
import { adamw, loadArtifacts, saveArtifacts } from '../../src/index.ts'
import { artifactsOf } from '../support/tiny.ts'

describe('artifacts are opened from', () => {
  const artifacts = artifactsOf(adamw())
  const sink = memorySink()
  saveArtifacts(sink, artifacts)
  const files = Object.fromEntries(
    [...sink.written, ['notes.txt', new Uint8Array(3)] as const].map(([name, bytes]) => [name, bytes.slice()]),
  )
  let places: EverySource
  beforeAll(async () => {
    places = await everySource(files)
  })
  afterAll(() => places.close())

  it.each(sourceKinds)('%s', async (kind) => {
    const found = await loadArtifacts(places.source[kind], places.options)
    expect(found.blocks).toEqual(artifacts.blocks)
    expect([...found.parameters.keys()]).toEqual([...artifacts.parameters.keys()])
  })

  it.each(sourceKinds)('%s for a worker, to which what they are is sent', async (kind) => {
    vi.stubEnv('HF_ENDPOINT', places.options.endpoint)
    vi.stubEnv('HF_HUB_CACHE', places.options.cacheDir)
    vi.stubEnv('XDG_CACHE_HOME', places.options.cacheDir)
    const sent = new Map<string, Uint8Array>()
    const post: Thread['post'] = (message) => {
      const { file, bytes } = message as FilePart
      sent.set(file, bytes)
    }
    await sendFiles({ post } as Thread, await artifactFiles(places.source[kind]))
    vi.unstubAllEnvs()
    expect([...sent.keys()].sort()).toEqual([...sink.names()])
    for (const [name, bytes] of sent) expect(Buffer.compare(bytes, files[name] as Uint8Array), name).toBe(0)
  })
})
