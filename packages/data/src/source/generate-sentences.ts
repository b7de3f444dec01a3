// Generates acceptable and unacceptable English sentences from a seed, for use without a corpus.

import { type Checks, checkOptions, integer, oneOf, requireOptions, whole } from '@cola/graph/options'
import { random } from '../random.ts'
import type { LabelledText } from './cola.ts'
import { phenomena, type Phenomenon, type Template } from './phenomena.ts'

export interface GeneratedText extends LabelledText {
  phenomenon: Phenomenon
  /** Number of the template within its phenomenon. */
  template: number
}

/** Options of {@link generateSentences}. */
export interface GenerateOptions {
  seed: number
  /** Number of sentences, in pairs of an acceptable and an unacceptable one. */
  count: number
  /** Templates: all but the last of each phenomenon, only the last, or all. @default 'all' */
  templates?: 'seen' | 'held-out' | 'all'
  /** Sentences that must not be generated. @default none */
  exclude?: ReadonlySet<string>
}

interface Source {
  phenomenon: Phenomenon
  template: number
  draw: Template
}

const sources: readonly Source[] = Object.entries(phenomena).flatMap(([phenomenon, list]) =>
  list.map((draw, template) => ({ phenomenon: phenomenon as Phenomenon, template, draw })),
)

const isLast = ({ phenomenon, template }: Source): boolean => template === phenomena[phenomenon].length - 1

const templateFilters = { seen: (source: Source) => !isLast(source), 'held-out': isLast, all: () => true }

const checks: Checks<GenerateOptions> = {
  seed: integer,
  count: whole(0),
  templates: oneOf(Object.keys(templateFilters)),
  exclude: ['a Set', (value) => value instanceof Set],
}

/**
 * Distinct labelled sentences: a function of the options.
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function generateSentences(options: GenerateOptions): GeneratedText[] {
  checkOptions('generateSentences', options, checks)
  requireOptions('generateSentences', options, checks, ['seed', 'count'])
  const { seed, count, templates = 'all', exclude = new Set() } = options
  const stream = random(seed, 'sentences', templates)
  const pool = sources.filter(templateFilters[templates])
  const seen = new Set(exclude)
  const rows: GeneratedText[] = []
  for (let attempts = 0; rows.length < count && attempts < 50 * count; attempts++) {
    const source = stream.pick(pool)
    const { acceptable, unacceptable } = source.draw(stream)
    if (acceptable === unacceptable || seen.has(acceptable) || seen.has(unacceptable)) continue
    seen.add(acceptable).add(unacceptable)
    const { phenomenon, template } = source
    rows.push(
      { text: acceptable, label: 1, phenomenon, template },
      { text: unacceptable, label: 0, phenomenon, template },
    )
  }
  return rows.slice(0, count)
}
