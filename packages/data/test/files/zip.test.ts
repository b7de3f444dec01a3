import { strToU8, zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { memorySink, openFiles, zipOf } from '../../src/index.ts'
import { text } from '../support/hub-files.ts'

const sink = memorySink()
sink.write('adapter_config.json', [text('{}')])
sink.write('1_Pooling/config.json', [text('{"a":1}')])
const picked = async (blob: Blob, name = 'adapter.zip') => openFiles(new File([blob], name))

describe('one zip', () => {
  it.each([undefined, 'my-adapter'])('holds what was written, and is opened again (below %s)', async (prefix) => {
    const files = await picked(await zipOf(sink, prefix ? { prefix } : {}))
    expect(files.names()).toEqual(['1_Pooling/config.json', 'adapter_config.json'])
    expect(files.read('1_Pooling/config.json')).toEqual(text('{"a":1}'))
    expect(files.size('adapter_config.json')).toBe(2)
    expect(() => files.read('missing')).toThrow(/adapter\.zip\/missing: no such file, found 1_Pooling/)
  })

  it('is read by other programs', async () => {
    const { unzipSync } = await import('fflate')
    const entries = unzipSync(new Uint8Array(await (await zipOf(sink)).arrayBuffer()))
    expect(Object.keys(entries).sort()).toEqual(sink.names())
  })

  it.skipIf(!('process' in globalThis))(
    'inflates what is asked for, and leaves names that lead elsewhere',
    async () => {
      const zip = zipSync({ 'good.json': strToU8('{}'), 'bomb.bin': new Uint8Array(5e7), '../evil': strToU8('x') })
      const before = process.memoryUsage().arrayBuffers
      const files = await picked(new Blob([zip as Uint8Array<ArrayBuffer>]))
      expect(files.names()).toEqual(['bomb.bin', 'good.json'])
      expect(files.read('good.json')).toEqual(text('{}'))
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2e7)
    },
  )

  it('refuses what would fill the memory, up to a limit that can be set', async () => {
    const zip = new Blob([
      zipSync({ 'bomb.bin': new Uint8Array(1e8), 'b.txt': strToU8('b') }) as Uint8Array<ArrayBuffer>,
    ])
    const files = await picked(zip)
    expect(() => files.read('bomb.bin')).toThrow(/adapter\.zip\/bomb\.bin: the file in the zip is too large/)
    expect(files.read('b.txt')).toEqual(strToU8('b'))
    const raised = await openFiles(new File([zip], 'a.zip'), { maxInflated: 1e8, files: [] })
    expect(raised.size('bomb.bin')).toBe(1e8)
    const lowered = await openFiles(new File([zip], 'a.zip'), { maxInflated: 0, files: [] })
    expect(() => lowered.read('b.txt')).toThrow(/at most 0 bytes/)
    await expect(openFiles(new File([zip], 'a.zip'), { maxInflated: Number.NaN })).rejects.toThrow(/maxInflated/)
  })

  it('is refused when it is none', async () => {
    await expect(picked(new Blob(['not a zip']))).rejects.toThrow(/adapter\.zip: not a zip file/)
  })
})
