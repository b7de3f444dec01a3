// Paths in a page, which has no folders: what is said names the path and what to give, and the handle of a folder works.

import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BundledPage, openBundled } from '../../../../tools/bundled-page.ts'
import { hasChromium } from '../../../../tools/chromium.ts'
import { root } from '../../../../tools/root.ts'

describe.skipIf(!hasChromium)('a path in a page', () => {
  let opened: BundledPage
  beforeAll(async () => {
    const folder = join(root, 'examples/model')
    opened = await openBundled(join(import.meta.dirname, '../support/browser-paths.ts'), { folder })
    await opened.page.evaluate('paths.start()')
  })
  afterAll(() => opened?.close())

  it.each([
    ['table', /^DataError: "tickets\.csv": a page has no folders. .*\.\/NAME.*picked.*Node 20\.19/],
    ['records', /^DataError: "data\/tickets\.csv": a page has no folders/],
    ['url', /^DataError: "file:\/\/\/tickets\.csv": a page has no folders. .*\.\/NAME/],
    ['output_dir', /^FileError: "run": a page has no folders. .*directoryStore\(handle\), for output_dir/],
    ['save', /^FileError: "out\/x": a page has no folders. .*memorySink\(\).*zipOf.*copyFiles/],
    ['export', /^FileError: "out\/x": a page has no folders. .*memorySink\(\).*zipOf.*copyFiles/],
    ['checkpoint', /^DataError: "run\/checkpoint\.safetensors": a page has no folders. Give an address/],
    ['handle', /^FileError: folder: not a folder.*copyFiles/],
    // A browser's runtime takes the name for wasm.
    ['cpu', /^none$/],
    ['cuda', /^DeviceError: device "cuda": a page has no such device. Use "webgpu" or "wasm"\.$/],
  ])('%s', async (name, said) => {
    expect(await opened.page.evaluate(`paths.refusal("${name}")`)).toMatch(said)
  })

  it('a folder by its handle is saved and exported to', async () => {
    expect(await opened.page.evaluate('paths.saved()')).toEqual({
      same: true,
      exported: expect.arrayContaining(['config.json', 'model.onnx', 'tokenizer.json']),
    })
  })
})
