// Options that belong elsewhere, and what loadFineTuned says of them.

import { expect, it } from 'vitest'
import { ConfigError, loadFineTuned } from '../../src/index.ts'

it.each<[options: object, fix: string]>([
  [{ dtype: 'fp16' }, 'It belongs to open: open: { dtype: ... }.'],
  [{ file: 'onnx/model.onnx' }, 'It belongs to open: open: { file: ... }.'],
  [{ quantization: { bits: 4 } }, 'It belongs to open: open: { quantization: ... }.'],
  [{ add_bos_token: true }, 'It belongs to open: open: { add_bos_token: ... }.'],
  [{ load_in_4bit: true }, 'It is open: { quantization: { bits: 4 } }.'],
  [{ epochs: 2 }, 'It is an option of training: fineTune(base, { adapter: folder, train, epochs }).'],
  [{ train: [] }, 'It is an option of training: fineTune(base, { adapter: folder, train }).'],
  [{ learning_rate: 1e-3 }, 'It is an option of training: fineTune(base, { adapter: folder, train, learning_rate }).'],
  [
    { frozenProducts: 'int8' },
    'It is an option of training: fineTune(base, { adapter: folder, train, frozenProducts }).',
  ],
  [{ is_trainable: true }, 'It is an option of training: fineTune(base, { adapter: folder, train }).'],
  [{ lora: { r: 4 } }, "The adapter's configuration is in its folder."],
  [{ adapter: 'folder' }, 'The adapter comes first: loadFineTuned(adapter, { base }).'],
  [{ id2label: {} }, 'It is labels: names in the order of the classes.'],
  [{ callbacks: {} }, 'It is onWarning: a function.'],
  [{ eval_batch_size: 4 }, 'Did you mean batch_size?'],
  [{ base_model: 'folder' }, 'Did you mean base?'],
  [{ merges: true }, 'Did you mean merge?'],
])('%j', async (options, fix) => {
  const error = await loadFineTuned('nowhere', options).catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(ConfigError)
  expect((error as ConfigError).problem).toMatchObject({
    where: `loadFineTuned, option ${Object.keys(options)[0]}`,
    what: 'no such option',
    fix,
  })
})
