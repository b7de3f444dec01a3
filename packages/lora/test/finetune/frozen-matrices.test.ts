// Each way to hold frozen matrices, on bases whose matrices are in each form: pairs of options do not clash.

import { join } from 'node:path'
import { memorySink } from '@cola/data'
import { beforeAll, describe, expect, it } from 'vitest'
import { type FineTuneOptions, fineTune } from '../../src/index.ts'
import { decoderFiles, decoders, parsed, read } from '../support/decoder-files.ts'

type Source = Parameters<typeof fineTune>[0]
type Options = Omit<FineTuneOptions<'CAUSAL_LM'>, 'task' | 'train'>

const name = 'decoder-llama-int4'
const fourBits: Source = decoderFiles(name, parsed(read(`${decoders}/${name}/config.json`)).vocab_size as number)

const files = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json']
const embedded: Source = Object.fromEntries(
  files.map((file) => [file, read(join(import.meta.dirname, '../../../../examples/model', file))]),
)

interface Tried {
  readonly source: Source
  readonly texts: readonly string[]
}

/** A decoder whose file is in four bits, and one with matrices that are large enough for products in eight bits. */
const models: Readonly<Record<'small' | 'larger', Tried>> = {
  small: { source: fourBits, texts: ['w4 w5 w6 w7', 'w8 w9 w10', 'w11 w12 w13 w14 w15'] },
  larger: {
    source: embedded,
    texts: ['the girl laughs', 'a king sings'],
  },
}

const tune = ({ source, texts }: Tried, options: Options = {}) =>
  fineTune(source, {
    task: 'CAUSAL_LM',
    train: texts.map((text) => ({ text })),
    validation: texts.map((text) => ({ text })),
    epochs: 1,
    learning_rate: 0,
    batch_size: 4,
    lora: { r: 2 },
    device: 'cpu',
    ...options,
  })

/** Evaluated and trained loss of an unchanged model, on the same texts. */
async function losses(tried: Tried, options: Options) {
  const tuned = await tune(tried, options)
  const [epoch] = tuned.training?.history ?? []
  await tuned.release()
  return { evaluated: epoch?.eval_loss as number, trained: epoch?.train_loss as number }
}

/** A model as a file of another type. */
async function exported(model: Tried, dtype: 'float32' | 'int8' | 'int4'): Promise<Source> {
  const tuned = await tune(model)
  const sink = memorySink()
  await tuned.export(sink, { dtype })
  await tuned.release()
  return sink
}

interface Base {
  readonly source: Source
  readonly quantization?: NonNullable<Options['quantization']>
}

const bases: Readonly<Record<string, (model: Tried) => Promise<Base>>> = {
  'a file in float32': async (model) => ({ source: await exported(model, 'float32') }),
  'a file in four bits': async (model) => ({
    source: model.source === fourBits ? fourBits : await exported(model, 'int4'),
  }),
  'a file in eight bits': async (model) => ({ source: await exported(model, 'int8') }),
  'a file quantized to four bits': async (model) => ({
    source: await exported(model, 'float32'),
    quantization: { bits: 4 },
  }),
  'a file quantized to eight bits': async (model) => ({
    source: await exported(model, 'float32'),
    quantization: { bits: 8 },
  }),
}

// Evaluation is in float32 whatever multiplies in training; float16 rounds matrices in both.
const ways = {
  small: [
    ['float32', false, 1e-5, 1e-5],
    ['float32', true, 1e-5, 1e-5],
    ['float16', false, 1e-3, 1e-3],
    ['float16', true, 1e-3, 1e-3],
  ],
  larger: [
    ['int8', false, 1e-5, 0.03],
    ['int8', true, 1e-5, 0.03],
  ],
} as const

const cases = Object.keys(bases).flatMap((base) => (['small', 'larger'] as const).map((size) => [size, base] as const))

describe.each(cases)('a %s model, %s', (size, base) => {
  let opened: Base
  let right: Awaited<ReturnType<typeof losses>>
  const lossesWith = (options: Options) => {
    const { source, ...quantization } = opened
    return losses({ ...models[size], source }, { ...quantization, ...options })
  }
  beforeAll(async () => {
    opened = (await bases[base]?.(models[size])) as Base
    right = await lossesWith({})
    expect(right.trained).toBeCloseTo(right.evaluated, 4)
  })

  it.each([...ways[size]])(
    'trains with %s products, gradient checkpointing: %s',
    async (frozenProducts, checkpoints, eps, rough) => {
      const { evaluated, trained } = await lossesWith({ frozenProducts, gradient_checkpointing: checkpoints })
      expect([evaluated]).toBeAllclose([right.evaluated], { rtol: eps })
      expect([trained]).toBeAllclose([right.trained], { rtol: rough })
      if (frozenProducts === 'int8') expect(trained).not.toBe(right.trained)
    },
  )
})
