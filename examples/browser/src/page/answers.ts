// An answer with the probability of each class, as bars.

import type { Answer } from '../messages.ts'
import { el } from './dom.ts'
import { shareBar } from './parts.ts'
import { percent } from './words.ts'

/** Classes shown; the likeliest come first. */
const shown = 5

export function answerBars(labels: readonly string[], { label, logits, probabilities }: Answer): HTMLElement {
  const order = labels.map((name, i) => ({ name, share: probabilities[i] ?? 0 })).sort((a, b) => b.share - a.share)
  return el(
    'ul',
    { class: 'bars', attributes: { 'data-logits': JSON.stringify(logits) } },
    ...order
      .slice(0, shown)
      .map(({ name, share }) =>
        el(
          'li',
          { class: name === label ? 'chosen' : '' },
          el('span', { class: 'bar-name' }, name),
          shareBar(share),
          el('span', { class: 'bar-share' }, percent(share)),
        ),
      ),
  )
}
