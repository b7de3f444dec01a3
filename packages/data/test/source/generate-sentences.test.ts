import { describe, expect, it } from 'vitest'
import { generateSentences } from '../../src/index.ts'

describe('generator', () => {
  it('is deterministic, gives pairs, and separates held-out templates', () => {
    const seen = generateSentences({ seed: 3, count: 400, templates: 'seen' })
    expect(generateSentences({ seed: 3, count: 400, templates: 'seen' })).toEqual(seen)
    expect(generateSentences({ seed: 4, count: 400, templates: 'seen' })).not.toEqual(seen)
    expect(seen.filter(({ label }) => label === 1).length).toBe(200)
    expect(new Set(seen.map(({ text }) => text)).size).toBe(400)
    expect(new Set(seen.map(({ phenomenon }) => phenomenon)).size).toBeGreaterThanOrEqual(8)
    const heldOut = generateSentences({ seed: 3, count: 200, templates: 'held-out' })
    const key = ({ phenomenon, template }: (typeof seen)[number]) => `${phenomenon} ${template}`
    const trained = new Set(seen.map(key))
    expect(heldOut.some((row) => trained.has(key(row)))).toBe(false)
  })
})
