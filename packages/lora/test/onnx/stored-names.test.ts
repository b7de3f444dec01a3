// Files that store parameters in fewer bits have the names and layouts of those in float32, so that adapters fit them.

import { memorySink } from '@cola/data'
import { expect, it } from 'vitest'
import { fineTune, openBase } from '../../src/index.ts'
import { isParameter } from '../../src/onnx/module-paths.ts'
import { embeddedFiles } from '../support/embedded-files.ts'
import { rows } from '../support/one-or-many.ts'

it('parameters of an export in fewer bits have the names of one in float32', async () => {
  const tuned = await fineTune(embeddedFiles(), { train: rows, epochs: 1, device: 'cpu' })
  const shapesOf = async (dtype: 'float32' | 'float16' | 'int8') => {
    const exported = memorySink(dtype)
    await tuned.export(exported, { dtype })
    const { parameters } = await openBase(exported)
    const found = [...parameters].filter(([name]) => isParameter(name) || /\.(float16|int8)$/.test(name))
    return found.map(([name, { dims }]) => `${name} ${dims}`).sort()
  }
  const right = await shapesOf('float32')
  expect(right).toContain('transformer.h.0.attn.c_attn.weight 128,384')
  for (const dtype of ['float16', 'int8'] as const) expect(await shapesOf(dtype), dtype).toEqual(right)
  await tuned.release()
})
