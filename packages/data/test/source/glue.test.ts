import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { hubServer } from '../../../../tools/hub-server.ts'
import { DataError, parseGlueParquet, readGlueCola } from '../../src/index.ts'

describe('GLUE', () => {
  it('reads GLUE’s parquet from the hub, by the commit of a branch, and from the cache without the hub', async () => {
    const split = (rows: [string, number][]) =>
      Buffer.from(
        parquetWriteBuffer({
          columnData: [
            { name: 'sentence', data: rows.map(([text]) => text), type: 'STRING' },
            { name: 'label', data: rows.map(([, label]) => BigInt(label)), type: 'INT64' },
            { name: 'idx', data: rows.map((_, i) => i), type: 'INT32' },
          ],
        }),
      )
    const sha = 'c'.repeat(40)
    const files: Record<string, Buffer> = {
      'cola/train-00000-of-00001.parquet': split([
        ['They slept.', 1],
        ['They slept the bed.', 0],
        ['"So", she said.', 1],
      ]),
      'cola/validation-00000-of-00001.parquet': split([['He sleep.', 0]]),
    }
    const hub = await hubServer(files, sha)
    const options = { endpoint: hub.endpoint, cacheDir: mkdtempSync(join(tmpdir(), 'cola-glue-')), timeout: 2000 }
    const expected = {
      train: [
        { text: 'They slept.', label: 1 },
        { text: 'They slept the bed.', label: 0 },
        { text: '"So", she said.', label: 1 },
      ],
      validation: [{ text: 'He sleep.', label: 0 }],
    }
    expect(await readGlueCola(options)).toEqual(expected)
    await hub.close()
    expect(await readGlueCola(options)).toEqual(expected)
    rmSync(options.cacheDir, { recursive: true })
    await expect(parseGlueParquet(split([['A sentence.', 2]]), 'train.parquet')).rejects.toThrow(
      /train\.parquet, row 1: wrong row, expected a sentence and label 0 or 1/,
    )
  })
  it('refuses a file that is not parquet', async () => {
    await expect(parseGlueParquet(new TextEncoder().encode('<html>'), 'train.parquet')).rejects.toThrow(
      /^train\.parquet: not a parquet file/,
    )
  })

  it('refuses counts that contradict the file, at once', async () => {
    for (const codec of ['SNAPPY', 'UNCOMPRESSED'] as const) {
      const file = new Uint8Array(
        parquetWriteBuffer({
          codec,
          columnData: [
            { name: 'sentence', data: ['They slept.', 'He.', 'x', 'x', 'x'], type: 'STRING' },
            { name: 'label', data: [1n, 0n, 1n, 1n, 0n], type: 'INT64' },
          ],
        }),
      )
      expect(await parseGlueParquet(file)).toHaveLength(5)
      // Each byte another one: of headers, counts, sizes, offsets. Some of them hang the reader by itself.
      for (let at = 4; at < file.length; at++)
        for (const byte of [0, 0x7f, 0xff]) {
          const bent = Uint8Array.from(file)
          bent[at] = byte
          const error = await parseGlueParquet(bent).then(
            () => undefined,
            (reason) => reason,
          )
          if (error) expect(error, `byte ${at} is ${byte}`).toBeInstanceOf(DataError)
        }
    }
  })

  it('refuses an empty or null label, naming the row', async () => {
    const file = (label: unknown[], type: 'INT64' | 'STRING') =>
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'sentence', data: ['a b', 'c d'], type: 'STRING' },
            { name: 'label', data: label as bigint[], type, nullable: true },
          ],
        }),
      )
    await expect(parseGlueParquet(file([1n, null], 'INT64'))).rejects.toThrow(/row 2: wrong row/)
    await expect(parseGlueParquet(file(['1', ''], 'STRING'))).rejects.toThrow(/row 1: wrong row/)
  })
})
