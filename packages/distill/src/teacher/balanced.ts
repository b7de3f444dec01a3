// Unlabelled texts of which a share is of a class, by a teacher's logits.

import { requireKind } from '@cola/graph/door'
import { ConfigError } from '@cola/train'

/**
 * As many of the first texts as can be had with a share of one class by the teacher's logits. Perturbed sentences are
 * mostly bad ones: a student that learns from them as they come learns their classes' shares too, and its accuracy
 * falls below the majority's.
 * @param logits The teacher's, [texts, 2].
 * @param share Share of class 1, above 0 and below 1: that of the training set, as a rule.
 * @returns Indices of texts, ascending.
 * @throws {ConfigError} for another share.
 */
export function balanced(logits: ArrayLike<number>, share: number): number[] {
  requireKind('balanced, logits', logits, 'list')
  if (!(share > 0 && share < 1))
    throw new ConfigError({
      where: 'balanced, share',
      what: 'not a share',
      expected: 'above 0 and below 1',
      found: String(share),
    })
  const classes: [number[], number[]] = [[], []]
  for (let i = 0; i < logits.length / 2; i++)
    classes[(logits[2 * i + 1] as number) > (logits[2 * i] as number) ? 1 : 0].push(i)
  const size = Math.floor(Math.min(classes[1].length / share, classes[0].length / (1 - share)))
  const ones = Math.min(classes[1].length, Math.round(share * size))
  return [...classes[1].slice(0, ones), ...classes[0].slice(0, size - ones)].sort((a, b) => a - b)
}
