import { describe, expect, it } from 'vitest'
import { pickleFix } from '../../src/index.ts'

describe('pickled weights', () => {
  it.each([
    ['model.safetensors', ['config.json', 'pytorch_model.bin'], /Only pytorch_model\.bin is there/],
    [
      'model.safetensors',
      ['pytorch_model-00001-of-00002.bin', 'pytorch_model-00002-of-00002.bin'],
      /glob\.glob\(f'\{folder\}\/pytorch_model\*\.bin'\)/,
    ],
    ['adapter_model.safetensors', ['adapter_model.bin'], /folder = "a b"\n/],
  ])('tells how to convert to %s from %s', (wanted, names, message) =>
    expect(pickleFix(wanted, names, { folder: 'a b' })).toMatch(message),
  )
  it('tells it in Python, from the first line on', () => {
    const code = pickleFix('model.safetensors', ['pytorch_model.bin'], { folder: 'x' })?.split('open it again:\n')[1]
    expect(code).toMatch(/^import glob, torch\nfrom safetensors.torch import save_file\nfolder = "x"\n/)
    expect(code).not.toContain('requireKind')
  })
  it('gives no advice for other files', () => {
    expect(pickleFix('model.safetensors', ['adapter_model.bin', 'training_args.bin'], { folder: 'x' })).toBeUndefined()
    expect(pickleFix('config.json', ['pytorch_model.bin'], { folder: 'x' })).toBeUndefined()
  })
})
