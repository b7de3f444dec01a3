// The table of decoders against transformers' configuration classes (make-tied.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isDecoder, tiesEmbeddings } from '../../src/onnx/decoders.ts'

const file = join(import.meta.dirname, '../fixtures/tied.json')
const tied = Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, boolean>)
const known = tied.filter(([model_type]) => isDecoder(model_type))

describe('the table of decoders', () => {
  it('has types of transformers', () => expect(known.length).toBeGreaterThan(40))
  it.each(known)(
    '%s: ties the embeddings as transformers does where config.json does not say',
    (model_type, expected) => expect(tiesEmbeddings({ model_type })).toBe(expected),
  )
})
