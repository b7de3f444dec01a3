// The loss of a language model, with logits where there are labels only, and there in pieces: those of 800 tokens over
// 49,152 words are 157 MB, and a loss with its gradient holds several such matrices.

import { requireKind } from '@cola/graph/door'
import { atLeast, type Checks, checkOptions, flag, requireOptions, whole } from '@cola/graph/options'
import { ignoreIndex } from '@cola/data'
import { addInput, build, getValue, type Graph, type Loss, rowsAt, type Value } from '@cola/graph'
import { type BatchArray, crossEntropy } from '@cola/train'

/** Most pieces of a batch. The labels of a batch stand in so many rows of one length, filled up with -100. */
const mostPieces = 32

/** Bytes of the logits of a piece. */
const pieceBytes = 2 ** 26

/** Options of {@link nextTokenLoss}. */
export interface NextTokenLossOptions {
  /** Labels of a batch; with more, pieces are larger. */
  labels: number
  vocab_size: number
  /** Whether the loss of each label and the logits of prompts are outputs. @default false */
  evaluation?: boolean
}

const checks: Checks<NextTokenLossOptions> = { labels: atLeast(0), vocab_size: whole(1), evaluation: flag }

/** The least power of two with which a piece of the logits has 64 MB at most. */
function piecesOf({ labels, vocab_size }: NextTokenLossOptions): number {
  const least = (labels * vocab_size * 4) / pieceBytes
  return Math.min(mostPieces, 2 ** Math.max(0, Math.ceil(Math.log2(least))))
}

/**
 * Mean cross-entropy of the next token. Inputs, int32: `labels` [32, label], and `label_places` of the same shape, the
 * token of the flattened batch whose logits predict the label; for evaluation `next_places` [next], tokens whose logits
 * are wanted. Outputs of evaluation: `label_losses` [32 * label] and `next_logits` [next, vocab_size].
 * @throws {ConfigError} for an option that is unknown, missing or out of its range.
 */
export function nextTokenLoss(options: NextTokenLossOptions): Loss {
  checkOptions('nextTokenLoss', options, checks)
  requireOptions('nextTokenLoss', options, checks, ['labels', 'vocab_size'])
  const loss = (graph: Graph) => {
    const g = build(graph)
    const logits = getValue(graph, 'logits')
    const [labels, places] = ['labels', 'label_places'].map((name) =>
      g.Reshape(addInput(graph, name, 'int32', [mostPieces, 'label']), g.int64([-1])),
    ) as [Value, Value]
    const rows = rowsAt(graph, logits, places)
    if (options.evaluation) {
      const next = rowsAt(graph, logits, addInput(graph, 'next_places', 'int32', ['next']))
      g.node('Identity', [next], { outputs: ['next_logits'] })
    }
    return crossEntropy({
      logits: rows.name,
      labels: labels.name,
      pieces: piecesOf(options),
      ...(options.evaluation ? { losses: 'label_losses' } : {}),
    })(graph)
  }
  return Object.assign(loss, {
    meanOver: { labels: 'labels', logits: 'logits' },
    outputs: options.evaluation ? ['label_losses', 'next_logits'] : [],
  })
}

/** A label, and the place of the token whose logits predict it. */
export interface PlacedLabel {
  readonly label: number
  readonly place: number
}

/** The inputs of {@link nextTokenLoss}: labels with their places, and the places of tokens whose logits are wanted. */
export function nextTokenInputs(labels: readonly PlacedLabel[], next: readonly number[]): Record<string, BatchArray> {
  requireKind('nextTokenInputs, labels', labels, 'list')
  const columns = Math.max(1, Math.ceil(labels.length / mostPieces))
  const grid = (fill: number, values: readonly number[]): BatchArray => {
    const data = new Int32Array(mostPieces * columns).fill(fill)
    data.set(values)
    return { data, dims: [mostPieces, columns] }
  }
  const wanted = next.length === 0 ? [0] : next
  return {
    labels: grid(
      ignoreIndex,
      labels.map(({ label }) => label),
    ),
    label_places: grid(
      0,
      labels.map(({ place }) => place),
    ),
    next_places: { data: Int32Array.from(wanted), dims: [wanted.length] },
  }
}
