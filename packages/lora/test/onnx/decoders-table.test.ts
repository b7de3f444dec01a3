// The table of decoders against transformers' classes of causal language models (make-decoder-types.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { isDecoder, tiesEmbeddings } from '../../src/onnx/decoders.ts'
import { modelTypeOf } from '../../src/onnx/prefixes.ts'

const file = join(import.meta.dirname, '../fixtures/decoder-types.json')
const types = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { architecture: string; tied: boolean }>
const known = Object.entries(types).filter(([model_type]) => isDecoder(model_type))

describe('the table of decoders', () => {
  it('has types of transformers', () => expect(known.length).toBeGreaterThan(40))
  it.each(known)('%s: is tied as in transformers, and known by its class and the builder’s type', (model_type, row) => {
    expect(tiesEmbeddings({ model_type })).toBe(row.tied)
    expect(modelTypeOf(row.architecture)).toBe(model_type)
    // onnxruntime-genai's builder writes the class in lower case without its end, or the type.
    const type = row.architecture.replace(/(For|LMHead).*$/, '').toLowerCase()
    expect([type, model_type].map(modelTypeOf)).toEqual([model_type, model_type])
  })
})
