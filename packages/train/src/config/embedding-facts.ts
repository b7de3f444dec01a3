// What embeddings show: types of tokens, and where positions begin.

import { elementCount, elements, type Graph, type Node, producersOf, type Tensor } from '@cola/graph'
import { numbersIn } from './config-fields.ts'
import { hasBertLayers } from './layer-types.ts'
import type { ModelFact, Shown } from './model-fact.ts'

/** Tables of learned positions, by transformers' names. */
export const positionTable = /(^|\.)(position_embeddings|positions_embed|embed_positions|wpe)\.weight$/

/** Tables of the types of tokens, by transformers' names. */
const typeTable = /(^|\.)token_type_embeddings\.weight$/

/** Rows of tables with such names. */
export const rowsOf =
  (table: RegExp) =>
  ({ initializers }: Graph): Shown[] =>
    [...initializers]
      .filter(([name, { dims }]) => table.test(name) && dims.length === 2)
      .map(([name, { dims }]) => ({ place: `"${name}"`, found: [dims[0] as number] }))

const isInteger = ({ dtype, dims }: Tensor): boolean =>
  (dtype === 'int64' || dtype === 'int32') && elementCount(dims) === 1

/**
 * The number that is added to counted tokens, where they are positions: cumsum(mask) * mask + padding_idx, transformers'
 * create_position_ids_from_input_ids.
 */
function addedToCounts({ nodes, initializers }: Graph): Shown[] {
  const producers = producersOf({ nodes })
  const producer = (name: string | undefined): Node | undefined => {
    const node = producers.get(name ?? '')
    return node && ['Cast', 'Identity'].includes(node.opType) ? producer(node.inputs[0]) : node
  }
  const isCount = (name: string): boolean => {
    const node = producer(name)
    if (node?.opType === 'CumSum') return true
    return ['Add', 'Mul'].includes(node?.opType ?? '') && (node as Node).inputs.some(isCount)
  }
  const numberIn = (names: readonly string[]): number | undefined => {
    const found = names.map((name) => initializers.get(name)).find((data) => data && isInteger(data))
    return found && Number(elements(found)[0])
  }
  return nodes.flatMap(({ opType, inputs: [table = '', positions] }) => {
    if (opType !== 'Gather' || !positionTable.test(table)) return []
    const added = producer(positions)
    if (added?.opType !== 'Add' || !added.inputs.some((name) => producer(name)?.opType === 'Mul' && isCount(name)))
      return []
    const number = numberIn(added.inputs)
    return number === undefined ? [] : [{ place: `positions of "${table}"`, found: [number] }]
  })
}

/** Rows of the table. */
export const embeddingFacts: readonly ModelFact[] = [
  {
    what: 'number of types of tokens',
    said: (config) => numbersIn(config, ['type_vocab_size']),
    shown: rowsOf(typeTable),
  },
  {
    what: 'padding token, after which positions are counted,',
    // MPNet's is 1 whatever its configuration says.
    said: (config) =>
      hasBertLayers(config.model_type) && config.model_type !== 'mpnet' ? numbersIn(config, ['pad_token_id']) : [],
    shown: addedToCounts,
  },
]
