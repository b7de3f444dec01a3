import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  DataError,
  fetchFiles,
  type Files,
  filesOf,
  folderFiles,
  folderSink,
  memoryFiles,
  memorySink,
  sinkOf,
} from '../../src/index.ts'
import { blobFiles } from '../../src/files/blobs.ts'
import { pointer, text } from '../support/hub-files.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const content = { 'config.json': text('{}'), 'onnx/model.onnx': text('0123456789') }

function folder(): Files {
  const path = temporaryFolder()
  for (const [name, bytes] of Object.entries(content)) folderSink(path).write(name, [bytes])
  return folderFiles(path)
}

const blobs = async (): Promise<Files> => {
  const files = blobFiles(new Map(Object.entries(content).map(([name, bytes]) => [name, new Blob([bytes])])), 'picked')
  await fetchFiles(files, [{ path: 'config.json' }, { path: 'onnx/model.onnx' }])
  return files
}

const forms: Record<string, () => Files | Promise<Files>> = {
  folder,
  memory: () => memoryFiles(content),
  'memory, of a Map': () => memoryFiles(new Map(Object.entries(content))),
  sink: () => {
    const sink = memorySink()
    sink.write('config.json', [content['config.json']])
    sink.write('onnx/model.onnx', [text('01234'), text('56789')])
    return sink
  },
  blobs,
}

describe.each(Object.entries(forms))('files of a %s', (_, open) => {
  it('has names, sizes, whole files and parts of them', async () => {
    const files = await open()
    expect(files.names()).toEqual(['config.json', 'onnx/model.onnx'])
    expect(files.has('onnx/model.onnx')).toBe(true)
    expect(files.has('onnx')).toBe(false)
    expect(files.has('../config.json')).toBe(false)
    expect(files.size('onnx/model.onnx')).toBe(10)
    expect(Buffer.from(files.read('onnx/model.onnx')).toString()).toBe('0123456789')
    expect(Buffer.from(files.read('onnx/model.onnx', 3, 5)).toString()).toBe('34')
    expect(files.read('onnx/model.onnx', 4, 4).length).toBe(0)
  })

  it('names a missing file, and those beside it', async () => {
    const files = await open()
    const error = /model\.onnx: no such file, found config\.json, onnx\/model\.onnx/
    expect(() => files.read('model.onnx')).toThrow(error)
    expect(() => files.size('model.onnx')).toThrow(error)
    await expect(fetchFiles(files, [{ path: 'model.onnx' }])).rejects.toThrow(error)
    await fetchFiles(files, [{ path: 'model.onnx', optional: true }])
  })

  it.each([
    [-1, 2],
    [3, 11],
    [5, 4],
  ])('refuses bytes %i to %i of ten', async (begin, end) => {
    const files = await open()
    expect(() => files.read('onnx/model.onnx', begin, end)).toThrow(DataError)
    expect(() => files.read('onnx/model.onnx', begin, end)).toThrow(/the file ends at byte 10/)
  })
})

describe('files', () => {
  it('are refused as git-lfs pointers', async () => {
    expect(() => memoryFiles({ 'a.bin': text(pointer) }).read('a.bin', 0, 8)).toThrow(/git-lfs pointer/)
    const path = temporaryFolder()
    writeFileSync(join(path, 'a.bin'), pointer)
    expect(() => folderFiles(path).read('a.bin', 0, 8)).toThrow(/git-lfs pointer/)
  })

  it.each(['../x', '/x', 'a/../x', 'a//x', '', '.', 'a\\..\\x', 'C:x', 'a\0'])('are not written as %j', (name) => {
    const path = temporaryFolder()
    expect(() => folderSink(path).write(name, [])).toThrow(/not the name of a file below the folder/)
    expect(() => memorySink().write(name, [])).toThrow(/not the name of a file below the folder/)
    expect(() => memoryFiles({ [name]: text('x') })).toThrow(/not the name of a file below the folder/)
    expect(readdirSync(path)).toEqual([])
  })

  it('are bytes', () => {
    expect(() => memoryFiles({ 'a.json': '{}' as never })).toThrow(/a\.json: not the bytes of a file/)
  })

  it('are copied by a sink, which keeps the last of one name', () => {
    const sink = memorySink()
    const bytes = text('one')
    sink.write('a', [bytes])
    bytes.fill(0)
    expect(sink.read('a')).toEqual(text('one'))
    sink.write('a', [text('two')])
    expect([...sink.written.keys()]).toEqual(['a'])
    expect(sink.written.get('a')).toEqual(text('two'))
  })

  it('replace a symbolic link instead of writing through it', () => {
    const path = temporaryFolder()
    writeFileSync(join(path, 'outside'), 'kept')
    symlinkSync(join(path, 'outside'), join(path, 'a'))
    folderSink(path).write('a', [text('new')])
    expect(readFileSync(join(path, 'outside'), 'utf8')).toBe('kept')
    expect(readFileSync(join(path, 'a'), 'utf8')).toBe('new')
  })
})

it('filesOf and sinkOf take a path, or what is given', () => {
  const path = temporaryFolder()
  sinkOf(path).write('a', [text('x')])
  expect(filesOf(path).read('a')).toEqual(text('x'))
  const sink = memorySink()
  expect(sinkOf(sink)).toBe(sink)
  expect(filesOf(sink)).toBe(sink)
})

it.each([undefined, null, 3, {}])('%j is no folder', (value) => {
  expect(() => filesOf(value as never)).toThrow(/not a folder, expected the path of a folder, or files.*openFiles/)
  expect(() => sinkOf(value as never)).toThrow(/not a folder, expected the path of a folder, or a sink.*copyFiles/)
})

it('a path that the system refuses is named', () => {
  expect(() => folderFiles('/tmp/a\0b').read('config.json')).toThrow(DataError)
  expect(() => folderSink('/tmp/a\0b').write('config.json', [])).toThrow(DataError)
})
