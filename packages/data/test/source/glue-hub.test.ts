import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { expect, it } from 'vitest'
import { hubServer } from '../../../../tools/hub-server.ts'
import { readGlueCola } from '../../src/index.ts'

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
})
