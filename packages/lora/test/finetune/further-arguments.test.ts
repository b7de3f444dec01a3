// What stands behind the arguments of a fine-tuned model's methods is refused: JavaScript would ignore it.

import { memorySink } from '@cola/data'
import { defaultDevice } from '@cola/train'
import { expect, it } from 'vitest'
import {
  ConfigError,
  fineTune,
  type FineTuneOptions,
  openBase,
  openHiddenStates,
  type TaskType,
} from '../../src/index.ts'
import { embeddedFiles } from '../support/embedded-files.ts'

const base = embeddedFiles()
const run = { epochs: 1, lora: { r: 2 } } as const
const rows = {
  SEQ_CLS: ['the girl', 'the boy', 'the girls', 'the boys'].map((text, i) => ({ text, label: i < 2 ? 'one' : 'many' })),
  FEATURE_EXTRACTION: [
    { anchor: 'the girl', positive: 'a girl' },
    { anchor: 'the boys', positive: 'boys' },
  ],
  TOKEN_CLS: [
    { words: ['the', 'girl'], tags: ['O', 'B-PERSON'] },
    { words: ['a', 'boy'], tags: ['O', 'B-PERSON'] },
  ],
}
const texts = ['the girl', 'the boys']

/** Methods with what they take, options that they have not, and the fix. */
const methods: Readonly<Record<keyof typeof rows, readonly (readonly [string, readonly unknown[], object, RegExp])[]>> =
  {
    SEQ_CLS: [
      ['classify', [texts], { top_k: 2 }, /classify, option top_k: no such option\. probabilities has/],
      ['logits', [texts], { batch_size: 2 }, /logits, option batch_size: .*what opens the model/],
      ['hiddenStates', [texts], { layer: 2 }, /hiddenStates, option layer: no such option, expected none/],
      ['evaluate', [rows.SEQ_CLS], { batch_size: 2 }, /evaluate, option batch_size: .*what opens the model/],
      ['save', [memorySink()], { dtype: 'fp16' }, /save, option dtype: .*It is an option of export\(folder, options\)/],
    ],
    FEATURE_EXTRACTION: [
      ['embed', [texts], { pooling: 'mean', normalize: true }, /embed, option pooling: .*option of fineTune/],
      ['similarity', [texts, texts], { normalize: true }, /similarity, option normalize: .*Embeddings have length 1/],
    ],
    TOKEN_CLS: [['tag', [texts], { aggregation_strategy: 'simple' }, /tag, option aggregation_strategy: .*Words make/]],
  }

it.each(Object.entries(methods))('of %s', async (task, all) => {
  const options = { ...run, task, train: rows[task as 'SEQ_CLS'] }
  const tuned = await fineTune<TaskType>(base, options as FineTuneOptions<TaskType>)
  for (const [method, taken, more, fix] of all) {
    const call = (...further: unknown[]) =>
      Reflect.apply(tuned[method as 'evaluate'], null, [...taken, ...further]) as Promise<unknown>
    await expect(call(more)).rejects.toThrow(ConfigError)
    await expect(call(more)).rejects.toThrow(fix)
    await expect(call('a pair')).rejects.toThrow(RegExp(`${method}, a further argument: it takes none, found "a pair"`))
    await call(0, texts)
  }
  await tuned.release()
})

it('of what reads hidden states', async () => {
  const tuned = await fineTune(base, { ...run, train: rows.SEQ_CLS })
  const reader = await openHiddenStates(await openBase(base), await tuned.adapted(), { device: defaultDevice() })
  const read = Reflect.apply(reader.hiddenStates, null, [texts, { layer: 2 }])
  await expect(read).rejects.toThrow(/hiddenStates, option layer/)
  expect(await reader.hiddenStates(texts)).toHaveLength(2)
  await reader.release()
  await tuned.release()
})
