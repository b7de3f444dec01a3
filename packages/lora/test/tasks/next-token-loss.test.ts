// The loss at labels, in pieces, against the cross-entropy of all logits: decoders of onnxruntime-genai's form, fused
// and in 4 bits, exports of PyTorch and GPT-2; and their fine-tuning.

import { join } from 'node:path'
import { ignoreIndex, random } from '@cola/data'
import { type Loss, type Tensor, toFloat32 } from '@cola/graph'
import { defaultDevice, type Batch, crossEntropy, generateArtifacts, sgd, TrainingSession } from '@cola/train'
import { describe, expect, it } from 'vitest'
import { folderAt, temporaryFolders } from '../../../../tools/test-folders.ts'
import { type BaseModel, fineTune, lora, nextTokenInputs, nextTokenLoss, openBase } from '../../src/index.ts'
import { decoderFiles, json } from '../support/decoder-files.ts'
import { exportFolder } from '../support/export-folder.ts'

const out = temporaryFolders()

/** The files of a fused decoder, with a chat template. */
const files = (name: string) => ({
  ...decoderFiles(name),
  'tokenizer_config.json': json({
    pad_token: 'w0',
    eos_token: 'w2',
    chat_template: '{% for m in messages %}w5 {{ m.content }} {% endfor %}{% if add_generation_prompt %}w6 {% endif %}',
  }),
})

const built = ['all-kv-heads', 'gemma2', 'llama-int4', 'phi3', 'qwen2', 'qwen3']
const decoders = built.map((name) => `decoder-${name}`)
const bases: Record<string, () => Promise<BaseModel>> = {
  ...Object.fromEntries(decoders.map((name) => [name, () => openBase(files(name))])),
  gpt2: () => openBase(folderAt(join(import.meta.dirname, '../../../../examples/model'))),
  'llama-lm-torchscript': () => openBase(exportFolder(out, 'llama-lm-torchscript')),
  'gpt2-lm-dynamo': () => openBase(exportFolder(out, 'gpt2-lm-dynamo')),
}

/** Texts of several lengths; some of their tokens are learned. */
function textsOf(vocab_size: number) {
  const stream = random(3, 'texts')
  return [7, 3, 5].map((length) => {
    const input_ids = Array.from({ length }, () => Math.floor(stream.uniform() * vocab_size))
    return { input_ids, learned: input_ids.map((_, at) => at > 0 && stream.uniform() < 0.7) }
  })
}

describe.each(Object.keys(bases))('%s', (name) => {
  it('has the loss and the gradients of the cross-entropy of all logits', async () => {
    const base = await (bases[name] as () => Promise<BaseModel>)()
    const model = lora(base.languageModel(), {
      task_type: 'CAUSAL_LM',
      r: 2,
      lora_alpha: 4,
      target_modules: 'all-linear',
      init_lora_weights: false,
    })
    const texts = textsOf(Math.min(base.vocab_size, 24))
    const { batch, grid, starts } = base.batches(model.graph)(texts)
    const tokens = grid.reduce((a, b) => a * b, 1)
    const places = texts.flatMap(({ input_ids, learned }, i) =>
      input_ids.flatMap((label, at) => (learned[at] ? [{ label, place: (starts[i] as number) + at - 1 }] : [])),
    )
    const all = new Int32Array(tokens).fill(ignoreIndex)
    for (const { label, place } of places) all[place] = label
    const dims = model.graph.values.get('logits')?.shape.length === 2 ? [tokens] : grid
    /** Loss, and gradients as what one step of SGD subtracts. */
    const trained = async (loss: Loss, inputs: Batch, options: object = {}) => {
      const artifacts = generateArtifacts(model, { loss, optimizer: sgd(), ...options })
      const session = await TrainingSession.create({ artifacts, device: defaultDevice() })
      const before = await session.getParameters()
      const { loss: value, outputs } = await session.runTrainStep({ ...batch, ...inputs })
      await session.runOptimizerStep({ learningRate: rate })
      const after = await session.getParameters()
      await session.release()
      const gradients = [...after].map(([key, tensor]) => {
        const old = toFloat32(before.get(key) as Tensor)
        return [key, Array.from(toFloat32(tensor), (x, i) => ((old[i] as number) - x) / rate)] as const
      })
      return { value, outputs: Object.keys(outputs), gradients }
    }
    const expected = await trained(crossEntropy(), { labels: { data: all, dims } })
    const { vocab_size } = base
    for (const [labels, options] of [
      [1, {}],
      [1e9, {}],
      [1e6, { gradientCheckpointing: true }],
    ] as const) {
      const found = await trained(nextTokenLoss({ labels, vocab_size }), nextTokenInputs(places, []), options)
      expect(found.outputs).toEqual([])
      expect([found.value]).toBeAllclose([expected.value], { atol: 1e-6 })
      found.gradients.forEach(([key, gradient], i) => {
        const [other, reference] = expected.gradients[i] as (typeof expected.gradients)[number]
        expect(key).toBe(other)
        expect(gradient).toBeAllclose(reference, { atol: 1e-6 })
      })
    }
    expect(expected.gradients.some(([, gradient]) => gradient.some((x) => Math.abs(x) > 1e-3))).toBe(true)
  })
})

/** Large, so that the gradient is not lost in the rounding of the parameter. */
const rate = 2 ** 14

describe.each(decoders)('%s is fine-tuned as a language model', (name) => {
  it.each([
    ['texts', [{ text: 'w7 w8 w9 w10' }, { text: 'w7 w11 w12' }]],
    ['completions', [{ prompt: 'w7 w8', completion: ' w9 w10' }]],
    [
      'conversations',
      [
        {
          messages: [
            { role: 'user', content: 'w7 w8' },
            { role: 'assistant', content: 'w9' },
          ],
        },
      ],
    ],
  ])('on %s', async (_, train) => {
    const tuned = await fineTune(files(name), {
      task: 'CAUSAL_LM',
      train,
      validation: train,
      epochs: 6,
      learning_rate: 2e-2,
      device: defaultDevice(),
    })
    const { loss, predictions, metrics } = await tuned.evaluate(train)
    expect(loss).toBeLessThan((tuned.training?.history[0]?.eval_loss as number) - 0.01)
    expect(metrics).toEqual({ perplexity: Math.exp(loss) })
    const total = predictions.reduce((sum, one) => sum + one.tokens, 0)
    expect(predictions.reduce((sum, one) => sum + one.loss * one.tokens, 0) / total).toBeCloseTo(loss, 5)
    await tuned.release()
  })
})
