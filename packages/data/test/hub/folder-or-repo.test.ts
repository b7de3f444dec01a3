import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isFolder } from '../../src/index.ts'
import { withoutHubVariables } from '../support/hub-variables.ts'

// Not the temporary folder itself: `../x` must not be there.
const work = mkdtempSync(join(tmpdir(), 'cola-hub-'))
const folder = join(work, 'here')
withoutHubVariables(join(work, 'home'))
const home = process.cwd()

afterAll(() => {
  process.chdir(home)
  rmSync(work, { recursive: true })
})

describe('a folder or a name on the hub', () => {
  beforeAll(() => {
    for (const name of ['models/minilm-l6', 'models/smollm2-135m', 'bert'])
      mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'bert', 'model.onnx'), '')
    process.chdir(folder)
  })
  it.each([
    ['bert', true],
    ['models/minilm-l6', true],
    ['models/minilm-l7', false],
    ['Xenova/all-MiniLM-L6-v2', false],
    ['gpt2', false],
  ])('%s', async (name, expected) => expect(await isFolder(name)).toBe(expected))
  it.each([
    [
      './models/minilm-l7',
      /\/minilm-l7": no such folder\. Did you mean "models\/minilm-l6"\? ".*models" has minilm-l6, smollm2-135m\./,
    ],
    ['models/minilm-l6/', true],
    ['models/deep/er', /no such folder\. "models\/deep" is not there either\. ".*models" has /],
    ['models\\minilm-l6', /no such folder/],
    ['C:\\models\\minilm-l6', /no such folder/],
    ['~/models/minilm-l6', /no such folder.*Node does not expand "~"/],
    ['/nowhere/at/all', /no such folder\. "\/nowhere\/at" is not there either/],
    ['../x', /no such folder/],
    ['my model', /no such folder/],
    [
      'https://huggingface.co/org/name/tree/main',
      /: an address, expected the name of a repository\. Write "org\/name"/,
    ],
    [null as never, /^model: no name, expected the path of a folder, .*found null/],
    ['bert/model.onnx', /not a folder, expected the folder that the file is in, found a file\. Give "/],
  ] as const)('%s is a path', async (name, expected) => {
    if (expected === true) expect(await isFolder(name)).toBe(true)
    else await expect(isFolder(name)).rejects.toThrow(expected)
  })
})
