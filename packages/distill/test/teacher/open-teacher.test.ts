// What a teacher may be opened from, beside a path.

import { memorySink } from '@cola/data'
import { float32, safetensorsChunks } from '@cola/graph'
import { expect, it } from 'vitest'
import { openTeacher } from '../../src/teacher/open-teacher.ts'

const options = { device: 'cpu', onWarning: () => undefined } as const
const logits = safetensorsChunks(new Map([['train', float32([2, 2], new Float32Array([1, 2, 3, 4]))]]))

it('a file of logits as bytes, or picked', async () => {
  const sink = memorySink()
  sink.write('logits.safetensors', logits)
  const bytes = sink.read('logits.safetensors') as Uint8Array<ArrayBuffer>
  for (const source of [sink, { 'logits.safetensors': bytes }, new File([bytes], 'logits.safetensors')]) {
    const { teacher, release } = await openTeacher(source, options)
    expect([...(await teacher.logits({ name: 'train', texts: ['a', 'b'] }))]).toEqual([1, 2, 3, 4])
    await release()
  }
})

it.each([
  ['an adapter', { 'adapter_config.json': new TextEncoder().encode('{}') }, /an adapter without its base model/],
  ['no model', { 'config.json': new TextEncoder().encode('{}') }, /no ONNX model/],
  [
    'an object of another kind',
    { hidden: () => undefined } as never,
    /it gives no logits, .*found an object with hidden/,
  ],
  ['an empty object', {} as never, /it gives no logits, .*found an object with nothing/],
])('names what is no teacher: %s', async (_, source, message) => {
  await expect(openTeacher(source, options)).rejects.toThrow(message)
})
