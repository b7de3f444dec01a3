import { afterAll, beforeAll, expect, it } from 'vitest'
import { type EverySource, everySource, fileKinds, sourceKinds } from '../../../../tools/every-source.ts'
import { DataError, openFileIn } from '../../src/index.ts'
import { text } from '../support/hub-files.ts'

let places: EverySource
beforeAll(async () => {
  places = await everySource({ 'one.txt': text('1'), 'two.txt': text('2') })
})
afterAll(() => places.close())

const contentOf = async (...args: Parameters<typeof openFileIn>): Promise<[string, string]> => {
  const { files, name } = await openFileIn(...args)
  return [name, Buffer.from(files.read(name)).toString()]
}

it.each(sourceKinds)('of a name in %s', async (kind) =>
  expect(await contentOf(places.source[kind], 'two.txt', places.options)).toEqual(['two.txt', '2']),
)

it.each(fileKinds)('by itself, whatever its name: %s', async (kind) =>
  expect(await contentOf(places.one('two.txt')[kind], 'one.txt', places.options)).toEqual(['two.txt', '2']),
)

it('the first with an ending', async () => {
  expect(await contentOf(places.source.zip, '*.txt')).toEqual(['one.txt', '1'])
  await expect(openFileIn(places.source.folder, '*.csv')).rejects.toThrow(
    /no \.csv file, found one\.txt, two\.txt\. Give the path or the address of the file itself/,
  )
})

it('says what is not there', async () => {
  for (const kind of ['folder', 'picked files', 'zip', 'bytes', 'open files'] as const) {
    const opened = openFileIn(places.source[kind], 'three.txt').then(({ files, name }) => files.read(name))
    await expect(opened, kind).rejects.toThrow(DataError)
  }
  await expect(openFileIn(null as never, 'one.txt')).rejects.toThrow(/not a source of files/)
})
