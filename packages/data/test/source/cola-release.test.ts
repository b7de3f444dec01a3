import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { encodeRows, readColaFolder, readTokenizer } from '../../src/index.ts'

const shared = join(import.meta.dirname, '../../../../../shared/data')

it.skipIf(!existsSync(shared))('CoLA has the rows of the real release', async () => {
  const { in_domain_train, in_domain_dev, out_of_domain_dev } = await readColaFolder(join(shared, 'cola_public'))
  expect(
    [in_domain_train, in_domain_dev, out_of_domain_dev].map((rows) => [
      rows.length,
      rows.filter(({ label }) => label).length,
    ]),
  ).toEqual([
    [8551, 6023],
    [527, 365],
    [516, 354],
  ])
  const { rows, truncated } = encodeRows(await readTokenizer(join(shared, 'gpt2')), in_domain_train, {
    max_length: 1024,
  })
  expect([rows.reduce((sum, row) => sum + row.input_ids.length, 0), truncated]).toEqual([80125, 0])
})
