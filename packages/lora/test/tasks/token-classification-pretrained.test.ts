// TOKEN_CLS with an encoder that was pretrained.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { fineTune } from '../../src/index.ts'

const task = 'TOKEN_CLS'
const miniLm = join(import.meta.dirname, '../../../../../shared/data/minilm-l6')

describe.skipIf(!existsSync(miniLm))('fineTune with a pretrained encoder', () => {
  it('finds names that it has not seen', async () => {
    const lines = [
      'PER moved from LOC last week.',
      "In LOC, nobody knew PER's name.",
      'The train to LOC was late, said PER.',
      'PER and the mayor of LOC (PER2) met again.',
    ]
    const rows = (people: string[], places: string[]) =>
      people.flatMap((person, i) =>
        places.map((place, k) => {
          const names: Record<string, string> = {
            PER: person,
            LOC: place,
            PER2: people[(i + 1 + k) % people.length] as string,
          }
          const parts = (lines[(i + k) % lines.length] as string).split(/(PER2?|LOC)/)
          const written = parts.map((part) => names[part] ?? part)
          const spans = parts.flatMap((part, at) => {
            const start = written.slice(0, at).join('').length
            return names[part] ? [{ start, end: start + names[part].length, label: part.slice(0, 3) }] : []
          })
          return { text: written.join(''), spans }
        }),
      )
    const known = rows(
      [
        'Angela Merkel',
        'Barack Obama',
        'John Smith',
        'Mary',
        'Peter Parker',
        'Anna',
        'Hugo',
        'Emma Watson',
        'Tom',
        'Lisa',
      ],
      ['Berlin', 'New York', 'Paris', 'Rome', 'San Francisco', 'Tokyo', 'London', 'Hong Kong', 'Lima', 'Buenos Aires'],
    )
    const unseen = rows(
      ['David Cameron', 'Susan', 'George Clooney'],
      ['Madrid', 'Los Angeles', 'Vienna', 'Chicago', 'Oslo'],
    )
    const tuned = await fineTune(miniLm, { task, train: known, validation: unseen, epochs: 8 })
    const { metrics } = await tuned.evaluate(unseen)
    expect(metrics.f1).toBeGreaterThan(0.9)
    const [found = []] = await tuned.tag(['The train to Vienna was late, said Susan.'])
    expect(found.map(({ label, text: part }) => [label, part])).toEqual([
      ['LOC', 'Vienna'],
      ['PER', 'Susan'],
    ])
    await tuned.release()
  })
})
