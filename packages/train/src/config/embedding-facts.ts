// What embeddings show: types of tokens, and where positions begin.

import { firstPosition, type ModelConfig } from '@cola/data'
import { elementCount, elements, type Graph, type Node, producersOf, type Tensor } from '@cola/graph'
import { numbersIn } from './config-fields.ts'
import { hasBertLayers } from './layer-types.ts'
import type { ModelFact, Said, Shown } from './model-fact.ts'

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

/** What a configuration says of the first position, where its type skips some: RoBERTa's. */
function saidFirst(config: ModelConfig): Said[] {
  const first = firstPosition(config)
  return first > 0 ? [[first, 'model_type, pad_token_id']] : []
}

/** The first of the numbers that the file holds as positions, 0, 1, 2, ...: BERT's. */
function firstHeld({ nodes, initializers }: Graph): Shown[] {
  const producers = producersOf({ nodes })
  const firstOf = (name: string | undefined): number | undefined => {
    const held = initializers.get(name ?? '')
    if (held) return firstOfCounted(held)
    const { opType, inputs = [] } = producers.get(name ?? '') ?? {}
    if (opType === 'Cast' || opType === 'Identity') return firstOf(inputs[0])
    const begin = initializers.get((opType === 'Slice' && inputs[1]) || '')
    const first = begin && isInteger(begin) ? firstOf(inputs[0]) : undefined
    return first === undefined ? undefined : first + Number(elements(begin as Tensor)[0])
  }
  return nodes.flatMap(({ opType, inputs: [table = '', positions] }) => {
    const first = opType === 'Gather' && positionTable.test(table) ? firstOf(positions) : undefined
    return first === undefined ? [] : [{ place: `positions of "${table}"`, found: [first] }]
  })
}

/** The first of integers that count by one; undefined for others. */
function firstOfCounted(data: Tensor): number | undefined {
  if (data.dtype !== 'int64' && data.dtype !== 'int32') return undefined
  const numbers = Array.from(elements(data) as ArrayLike<bigint | number>, Number)
  const [first] = numbers
  return first !== undefined && numbers.length > 1 && numbers.every((one, i) => one === first + i) ? first : undefined
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
  { what: 'first position', said: saidFirst, shown: firstHeld },
]
