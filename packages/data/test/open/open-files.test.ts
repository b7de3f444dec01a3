import { createServer } from 'node:http'
import { describe, expect, it, vi } from 'vitest'
import { directoryHandle, fileHandle } from '../../../../tools/directory-handle.ts'
import { folderSink, memoryFiles, openFiles, readRecords, readTable, type Source, zipOf } from '../../src/index.ts'
import { text } from '../support/hub-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const content = { 'config.json': text('{}'), 'onnx/model.onnx': text('0123456789') }

const picked = (name: string, bytes: Uint8Array<ArrayBuffer>, path = '') =>
  Object.defineProperty(new File([bytes], name), 'webkitRelativePath', { value: path })

const sources: Record<string, () => Source> = {
  'a folder': () => {
    const path = temporaryFolder()
    for (const [name, bytes] of Object.entries(content)) folderSink(path).write(name, [bytes])
    return path
  },
  'bytes by name': () => content,
  'a Map': () => new Map(Object.entries(content)),
  'open files': () => memoryFiles(content),
  'a picked list': () => [
    picked('config.json', content['config.json'], 'folder/config.json'),
    picked('model.onnx', content['onnx/model.onnx'], 'folder/onnx/model.onnx'),
  ],
  'a folder handle': () => directoryHandle('folder', content),
}

describe('openFiles', () => {
  it.each(Object.entries(sources))('opens %s', async (_, source) => {
    const files = await openFiles(source())
    expect(files.names()).toEqual(['config.json', 'onnx/model.onnx'])
    expect(Buffer.from(files.read('onnx/model.onnx', 2, 4)).toString()).toBe('23')
  })

  it('opens one file', async () => {
    const files = await openFiles(picked('table.csv', text('a,b')))
    expect(files.names()).toEqual(['table.csv'])
    expect(files.read('table.csv')).toEqual(text('a,b'))
  })

  it('opens handles of files, of a zip too', async () => {
    const [config, model] = [picked('config.json', text('{}')), picked('model.onnx', text('0123456789'))]
    const files = await openFiles([config, model].map(fileHandle))
    expect(files.names()).toEqual(['config.json', 'model.onnx'])
    const zip = await zipOf(memoryFiles(content))
    const opened = await openFiles(fileHandle(new File([zip], 'model.zip')))
    expect(opened.names()).toEqual(['config.json', 'onnx/model.onnx'])
    expect(Buffer.from(opened.read('onnx/model.onnx', 2, 4)).toString()).toBe('23')
    await expect(openFiles([fileHandle(config), 'model.onnx'] as never)).rejects.toThrow(/not a source of files/)
  })

  it('brings the picked files that are wanted, and no others', async () => {
    const files = await openFiles(directoryHandle('folder', content), { files: ['config.json'] })
    expect(files.has('onnx/model.onnx')).toBe(true)
    expect(() => files.read('onnx/model.onnx')).toThrow(/model\.onnx: the file was not fetched/)
  })

  it.each([
    ['a number', 3],
    ['nothing', undefined],
    ['null', null],
    ['a list of names', ['config.json']],
    ['options', { device: 'cpu', adapters: {} }],
    ['a blob without a name', new Blob(['x'])],
  ])('refuses %s', async (_, source) => {
    await expect(openFiles(source as never)).rejects.toThrow(/not a source of files|a blob without a name/)
  })

  it('names what is missing of what is wanted', async () => {
    await expect(openFiles(content, { files: ['tokenizer.json'] })).rejects.toThrow(
      /tokenizer\.json: no such file, found config\.json, onnx\/model\.onnx/,
    )
  })
})

describe('one file', () => {
  const table = text('text,label\na,0\nb,1\n')
  const rows = [
    { text: 'a', label: '0' },
    { text: 'b', label: '1' },
  ]
  it('is a table that a person picked, by its name or its handle', async () => {
    expect(await readRecords(new File([table], 'rows.csv'))).toEqual(rows)
    const picked = { kind: 'file', getFile: async () => new File([table], 'rows.CSV') } as FileSystemFileHandle
    expect(await readRecords(picked)).toEqual(rows)
    expect((await readTable(new File([table], 'rows.csv'))).rows.length).toBe(2)
    expect(await readRecords(new Blob([table]), { format: 'csv' })).toEqual(rows)
    await expect(readRecords(new File(['text\na,b'], 'rows.csv'))).rejects.toThrow(/rows\.csv, line 2/)
    await expect(readRecords(3 as never)).rejects.toThrow(/source: not a file, expected a path/)
  })

  it('is a table at an address', async () => {
    const server = createServer(({ url }, response) =>
      ['/data/rows.csv?v=1', '/o/data%2Frows.csv?alt=media'].includes(url ?? '')
        ? response.end(table)
        : response.writeHead(404).end(),
    )
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    vi.stubEnv('XDG_CACHE_HOME', temporaryFolder())
    const address = server.address()
    const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    expect(await readRecords(`${origin}/data/rows.csv?v=1`)).toEqual(rows)
    expect(await readRecords(new URL(`${origin}/data/rows.csv?v=1`))).toEqual(rows)
    expect(await readRecords(`${origin}/o/data%2Frows.csv?alt=media`)).toEqual(rows)
    await expect(readRecords(`${origin}/data/none.csv`)).rejects.toThrow(
      /data\/none\.csv: no such file, found status 404/,
    )
    server.close()
  })
})
