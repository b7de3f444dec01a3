import { expect, it } from 'vitest'
import { ConfigError, strictMethods } from '../../src/index.ts'

const { classify, similarity } = strictMethods(
  {
    classify: async (texts: readonly string[]) => texts.length,
    similarity: async (texts: readonly string[], others: readonly string[]) => texts.length * others.length,
  },
  'pairs',
)
const texts = ['a', 'b']
const call = (...more: unknown[]) => Reflect.apply(classify, null, [texts, ...more]) as Promise<number>

it('refuse options and other texts behind what they take, and say where they are', async () => {
  await expect(call({ top_k: 2 })).rejects.toThrow(ConfigError)
  await expect(call({ top_k: 2 })).rejects.toThrow('classify, option top_k: no such option. probabilities has that of')
  await expect(call({ colour: 2 })).rejects.toThrow(/^classify, option colour: no such option, expected none\.$/)
  for (const pair of ['a pair', ['a pair'], { text_pair: 'a pair' }])
    await expect(call(pair)).rejects.toThrow(/Pairs are objects: \[\{ text, text_pair \}\]\.$/)
  await expect(call(() => 1)).rejects.toThrow(/^classify, a further argument: it takes none, found /)
  await expect(call(null)).rejects.toThrow(ConfigError)
  await expect(Reflect.apply(similarity, null, [texts, texts, { normalize: true }])).rejects.toThrow(/length 1/)
})

it('let pass what they take, what map gives, and what is not set', async () => {
  expect(await Promise.all([['a'], ['b', 'c']].map(classify))).toEqual([1, 2])
  expect(await similarity(texts, texts)).toBe(4)
  for (const more of [[], [undefined], [{ top_k: undefined }]]) expect(await call(...more)).toBe(2)
})
