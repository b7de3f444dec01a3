import { filesOf } from '@cola/data'
import { ConfigError, loadClassifier, writeClassifier } from '@cola/train'
import { expect, it } from 'vitest'
import { type Folder, temporaryFolders, writeText } from '../../../../tools/test-folders.ts'
import { reportLora } from '../../../../examples/support/report/lora-config.ts'
import { float32, type Tensor, toFloat32, transposeTensor } from '@cola/graph'
import { exportMerged, loadPretrained, lora, merge, openOnnxModel, withParameters } from '../../src/index.ts'
import { model, embedded } from '../support/padded-gpt2.ts'

const folder = temporaryFolders()

it('exports a classifier that gives labels and probabilities', async () => {
  const { model: base, config: own } = await loadPretrained(embedded, { num_labels: 2 })
  const out = folder('classifier')
  exportMerged(merge(lora(base, reportLora)), {
    folder: out,
    config: own,
    tokenizerFolder: embedded,
    labels: ['bad', 'good'],
  })
  const classifier = await loadClassifier(out)
  const results = await classifier.classify(['The girl laughs.', 'The king has hidden the old book.'])
  expect(results.map(({ probabilities }) => probabilities.reduce((a, b) => a + b))).toBeAllclose([1, 1])
  expect(results.every(({ label, index }) => label === ['bad', 'good'][index])).toBe(true)
  await classifier.release()
})

it.each(['config.json', 'tokenizer_config.json'])(
  "gives another fingerprint when a classifier's %s changes",
  async (name) => {
    const { model: base, config: own } = await loadPretrained(embedded, { num_labels: 2 })
    const out = folder(`fingerprint-${name}`)
    exportMerged(merge(lora(base, reportLora)), { folder: out, config: own, tokenizerFolder: embedded })
    writeText(out, 'tokenizer_config.json', '{}')
    const classifier = await loadClassifier(out)
    const before = classifier.fingerprint()
    expect(classifier.fingerprint()).toBe(before)
    writeText(out, name, '{"n_positions":8}')
    expect(classifier.fingerprint()).not.toBe(before)
    await classifier.release()
  },
)

it('names the file when the config.json of a classifier is not JSON', async () => {
  const out = folder('classifier-damaged')
  writeText(out, 'config.json', '{"id2label":')
  await expect(loadClassifier(out)).rejects.toThrow(ConfigError)
  await expect(loadClassifier(out)).rejects.toThrow('classifier-damaged')
})

it('refuses to keep matrices as what it does not know', () => {
  const { graph } = merge(lora(model(), reportLora))
  const options = {
    folder: folder('unknown'),
    graph,
    config: {},
    tokenizerFolder: embedded,
    dtype: 'q8' as never,
  }
  expect(() => writeClassifier(options)).toThrow(
    /option dtype: not a valid value, expected "float32", "float16", "int8", "int4", "packed", found "q8"/,
  )
  expect(filesOf(options.folder).names()).toEqual([])
})

it.each([
  ['float16', 'model_fp16.onnx', 0.6, 1e-3],
  ['int8', 'model_quantized.onnx', 0.35, 5e-2],
  ['int4', 'model_q4.onnx', 0.25, 0.5],
] as const)(
  'keeps matrices as %s where transformers.js looks for them, and classifies as before',
  async (dtype, name, share, atol) => {
    const { model: base, config: own } = await loadPretrained(embedded, { num_labels: 2 })
    const tuned = merge(lora(base, reportLora))
    const [whole, small] = [folder(`whole-${dtype}`), folder(`small-${dtype}`)]
    exportMerged(tuned, { folder: whole, config: own, tokenizerFolder: embedded })
    exportMerged(tuned, { folder: small, config: own, tokenizerFolder: embedded, dtype, layout: 'hub' })
    const size = (place: Folder, file: string) => filesOf(place).size(file)
    expect(size(small, `onnx/${name}`)).toBeLessThan(share * size(whole, 'model.onnx_data'))
    const texts = ['The girl laughs.', 'The king has hidden the old book.', 'did the nurse smile?']
    const logits = async (path: Folder) => {
      const classifier = await loadClassifier(path)
      const values = await classifier.logits(texts)
      await classifier.release()
      return values
    }
    expect(await logits(small)).toBeAllclose(await logits(whole), { atol })
  },
)

it('rounds what it merges to the bits of the base, where they are to stay, and says what that loses', async () => {
  const quantization = { bits: 4, block_size: 32 } as const
  const { model: base, config: own } = await loadPretrained(embedded, { num_labels: 2, quantization })
  const untrained = lora(base, reportLora)
  const changed = [...untrained.trainable].filter((name) => name.includes('lora_B'))
  const tuned = withParameters(
    untrained,
    new Map(
      changed.map((name, salt) => {
        const { dims } = untrained.graph.initializers.get(name) as Tensor
        const count = dims.reduce((a, b) => a * b, 1)
        return [
          name,
          float32(
            dims,
            Float32Array.from({ length: count }, (_, i) => Math.sin(i + salt) / 20),
          ),
        ]
      }),
    ),
  )
  const [whole, packed] = [folder('merged-whole'), folder('merged-packed')]
  const common = { config: own, tokenizerFolder: embedded }
  expect(exportMerged(tuned, { ...common, folder: whole })).toEqual({})
  const { requantized } = exportMerged(tuned, { ...common, folder: packed, dtype: 'packed' })
  const matrices = async (path: Folder) => (await openOnnxModel(path)).model.graph.initializers
  const [before, after] = [await matrices(whole), await matrices(packed)]
  let [error, norm] = [0, 0]
  for (const { weight } of tuned.targets) {
    expect(after.get(weight)?.packed, weight).toMatchObject({ bits: 4, blockSize: 32 })
    // GPT-2's matrices are [in, out], those of MatMulNBits [out, in].
    const values = toFloat32(before.get(weight) as Tensor)
    const rounded = toFloat32(transposeTensor(after.get(weight) as Tensor))
    values.forEach((value, i) => {
      error += (value - (rounded[i] as number)) ** 2
      norm += value ** 2
    })
  }
  expect(requantized?.matrices).toBe(tuned.targets.length)
  expect([requantized?.relative_error ?? 0]).toBeAllclose([Math.sqrt(error / norm)], { rtol: 1e-4 })
  expect(error).toBeGreaterThan(0)
})
