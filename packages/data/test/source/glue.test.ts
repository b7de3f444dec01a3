import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { DataError, parseGlueParquet } from '../../src/index.ts'

describe('GLUE', () => {
  it('refuses another label', async () => {
    const file = parquetWriteBuffer({
      columnData: [
        { name: 'sentence', data: ['A sentence.'], type: 'STRING' },
        { name: 'label', data: [2n], type: 'INT64' },
      ],
    })
    await expect(parseGlueParquet(new Uint8Array(file), 'train.parquet')).rejects.toThrow(
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
