import type { Tensor } from '@cola/graph'
import { expect, it } from 'vitest'
import { temporaryFolders } from '../../../../tools/test-folders.ts'
import { readAdapter } from '../../src/adapter/files.ts'
import { gpt2, lora, parseGpt2Config, randomGpt2, writeAdapter } from '../../src/index.ts'

const folder = temporaryFolders()

it('writes a PiSSA adapter of a large layer', () => {
  const config = parseGpt2Config({
    model_type: 'gpt2',
    n_layer: 1,
    n_head: 2,
    n_embd: 4,
    n_inner: 70_000,
    n_positions: 4,
    vocab_size: 8,
  })
  const start = lora(gpt2(config, randomGpt2(config)), {
    r: 2,
    target_modules: ['mlp.c_proj'],
    init_lora_weights: 'pissa',
  })
  const out = folder('large')
  writeAdapter(out, start)
  const A = readAdapter(out).tensors.get('base_model.model.transformer.h.0.mlp.c_proj.lora_A.weight') as Tensor
  expect(A.dims).toEqual([4, 70_000])
})
