// Tags of four schemes against seqeval (make-tags.py).

import { describe, expect, it } from 'vitest'
import { checkIob2, entitiesOf, iob2Labels, type TagScheme, tagSchemes, toIob2 } from '../../src/index.ts'
import { tags as fixture } from '../support/tags.ts'

const listed = (tags: readonly string[]) => entitiesOf(tags).map(({ type, start, end }) => [type, start, end])

describe('tags of a scheme as IOB2', () => {
  it.each(fixture.converted.map((one, i) => [i, one] as const))('have the entities of seqeval, %i', (_, one) => {
    for (const scheme of tagSchemes) {
      const converted = toIob2(one.tags[scheme], scheme)
      expect(converted).toEqual(one.tags.IOB2)
      expect(listed(converted)).toEqual(one.entities)
      expect(() => checkIob2([converted])).not.toThrow()
      const labels = iob2Labels([...new Set(one.tags[scheme])], scheme)
      expect(converted.filter((tag) => !labels.includes(tag))).toEqual([])
    }
    for (const scheme of ['IOBES', 'BILOU'] as const) expect(listed(one.tags[scheme])).toEqual(one.entities)
  })
  it('are read in lower case and with an underscore', () => {
    expect(toIob2(['b-per', 'I_per', 'o', 'B_A-b'], 'IOB2')).toEqual(['B-per', 'I-per', 'O', 'B-A-b'])
    expect(toIob2([], 'IOBES')).toEqual([])
    expect(iob2Labels(['O', 'S_A', 'e-A'], 'IOBES')).toEqual(['O', 'B-A', 'I-A'])
    expect(iob2Labels(['O', 'I-A'], 'IOB1')).toEqual(['O', 'I-A', 'B-A'])
  })
  it.each<[TagScheme, unknown[], RegExp]>([
    ['IOB2', ['O', 'I-A'], /^x, token 2: a tag that continues nothing, expected an entity of A before it, found "I-A"/],
    ['IOB2', ['B-A', 'I-B'], /token 2: a tag that continues nothing/],
    ['IOB2', ['E-A'], /token 1: no tag of IOB2, expected O, B-TYPE, I-TYPE, found "E-A"/],
    ['IOB1', ['I-A', 'NOUN'], /token 2: no tag of IOB1/],
    ['IOBES', ['B-A', 'O'], /token 2: an entity before it has no end, expected more of A, found "O"/],
    ['IOBES', ['B-A', 'I-A'], /token 2: an entity without an end, .*found "I-A"/],
    ['IOBES', ['S-A', 'E-A'], /token 2: a tag that continues nothing/],
    ['IOBES', ['B-A', 'E-A', 'I-A'], /token 3: a tag that continues nothing/],
    ['BILOU', ['B-A', 'S-A'], /token 2: no tag of BILOU, expected O, B-TYPE, I-TYPE, L-TYPE, U-TYPE, found "S-A"/],
    ['BILOU', ['B-A', 'L-B'], /token 2: an entity before it has no end/],
    ['BILOU', [3], /token 1: no tag of BILOU, .*found 3/],
    ['IOB1', ['B-'], /token 1: no tag of IOB1/],
  ])('refuse, as %s, %j', (scheme, tags, message) => {
    expect(() => toIob2(tags as string[], scheme, 'x')).toThrow(message)
  })
  it('refuse an unknown scheme', () => {
    expect(() => toIob2(['O'], 'IOE1' as never)).toThrow(/toIob2, scheme: .*"IOB1", "IOB2", "IOBES", "BILOU"/)
    expect(() => iob2Labels(['O', 'NOUN'], 'IOB1')).toThrow(/labels: no tag of IOB1.*found "NOUN"/)
  })
})

it.each(fixture.lenient)('entities of predicted tags $tags are those of seqeval', ({ tags, entities }) => {
  expect(listed(tags)).toEqual(entities)
})
