import { expect, it } from 'vitest'
import { ConfigError, pairsAreObjects, textsAlone } from '../../src/index.ts'

const refused = (more: readonly unknown[]) => expect(() => textsAlone('classify', more, pairsAreObjects))

it('refuses options and other texts behind texts, and says where they are', () => {
  refused([{ top_k: 2 }]).toThrow(ConfigError)
  refused([{ top_k: 2 }]).toThrow('classify, option top_k: no such option. probabilities has that of each class')
  refused([{ colour: 2 }]).toThrow(/^classify, option colour: no such option, expected none\.$/)
  for (const pair of ['a pair', ['a pair'], { text_pair: 'a pair' }])
    refused([pair]).toThrow(/Pairs are objects: \[\{ text, text_pair \}\]\.$/)
  refused([() => 1]).toThrow(/^classify, a further argument: it takes none, found /)
  refused([null]).toThrow(ConfigError)
})

it('lets pass what map gives, and what is not set', () => {
  const batches = [['a'], ['b']]
  expect(batches.map((...[texts, ...more]) => textsAlone('classify', more) ?? texts.length)).toEqual([1, 1])
  refused([]).not.toThrow()
  refused([undefined]).not.toThrow()
  refused([{ top_k: undefined }]).not.toThrow()
})
