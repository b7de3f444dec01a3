// What a saved student may be opened from, beside bytes.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { folderFiles, type Source } from '@cola/data'
import { exportStudent, loadStudent } from '@cola/rnn'
import { loadClassifier } from '@cola/train'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { distill, loadDistilled } from '../../src/index.ts'
import { rowsOf, tokenizer } from '../support/sentences.ts'

const out = mkdtempSync(join(tmpdir(), 'cola-saved-student-'))
const folder = join(out, 'student')
const rows = rowsOf(30, 1)
const texts = rows.slice(0, 3).map(({ text }) => text)
const server = createServer(({ url }, response) => {
  const name = basename(url ?? '')
  const files = folderFiles(folder)
  if (files.has(name)) response.end(files.read(name))
  else response.writeHead(404).end()
})
let expected: Float32Array
beforeAll(async () => {
  vi.stubEnv('XDG_CACHE_HOME', join(out, 'cache'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const student = await distill({ student: { embedding_size: 4, hidden_size: 4 }, tokenizer, train: rows, epochs: 1 })
  await student.save(folder)
  expected = await student.logits(texts)
  await student.release()
})
afterAll(() => {
  server.close()
  vi.unstubAllEnvs()
  rmSync(out, { recursive: true })
})

const picked = () => {
  const files = folderFiles(folder)
  return files.names().map((name) => new File([files.read(name) as Uint8Array<ArrayBuffer>], name))
}

it.each<[string, () => Source]>([
  ['a folder', () => folder],
  ['an address', () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/student`],
  ['picked files', picked],
  ['files that are open', () => folderFiles(folder)],
])('%s', async (_, source) => {
  const student = await loadDistilled(source())
  expect(await student.logits(texts)).toBeAllclose(expected, { atol: 1e-6 })
  await student.release()
})

it('its parameters alone, which are exported with its tokenizer', async () => {
  exportStudent({ folder: join(out, 'onnx'), tokenizerFolder: folder, ...(await loadStudent(folder)) })
  const classifier = await loadClassifier(join(out, 'onnx'))
  expect(await classifier.logits(texts)).toBeAllclose(expected, { atol: 1e-6 })
  await classifier.release()
  await expect(loadDistilled(join(out, 'onnx'))).rejects.toThrow(/not the folder of a distilled.*loadClassifier/)
  await expect(loadClassifier(folder)).rejects.toThrow(/no ONNX model.*loadDistilled of @cola\/distill/)
})
