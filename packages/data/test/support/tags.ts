// What seqeval and scikit-learn make of tags (make-tags.py).

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TagScheme } from '../../src/index.ts'

type Entities = readonly (readonly [type: string, start: number, end: number])[]

interface Fixture {
  converted: { tags: Record<TagScheme, string[]>; entities: Entities }[]
  lenient: { tags: string[]; entities: Entities }[]
  scores: { labels: string[][]; predictions: string[][]; scores: Record<string, number> }[]
}

export const tags = JSON.parse(readFileSync(join(import.meta.dirname, '../fixtures/tags.json'), 'utf8')) as Fixture
