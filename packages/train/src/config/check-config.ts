// Holds what a model's file tells of itself against what its config.json says, before any weights are read.

import { requireKind } from '@cola/graph/door'
import type { ModelConfig } from '@cola/data'
import { dataTypes, type Graph } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import { attentionFacts } from './attention-facts.ts'
import { embeddingWidths, layerCounts, numbersIn } from './config-fields.ts'
import { embeddingFacts, positionTable, rowsOf } from './embedding-facts.ts'
import { hasKnownLayers, typesOfLayers } from './layer-types.ts'
import { type Answer, anyOf, type ModelFact, type Said, type Shown } from './model-fact.ts'
import { countLayers, countSharedLayers, modulePaths, namesMatrices } from './model-paths.ts'
import { rotaryFacts } from './rotary-facts.ts'
import { tokenTables } from '../session/token-ids.ts'

/** Whether a table of `rows` was padded to a multiple of a power of two, for faster products. */
const isPadded = (rows: number, vocab_size: number): boolean =>
  [8, 16, 32, 64, 128, 256, 512].some((multiple) => Math.ceil(vocab_size / multiple) * multiple === rows)

const facts: readonly ModelFact[] = [
  {
    what: 'kind of layers',
    said: ({ model_type }) => (hasKnownLayers(model_type) ? [[String(model_type), 'model_type']] : []),
    shown(graph) {
      const layers = typesOfLayers(modulePaths(graph))
      return layers ? [{ place: `"${layers.path}"`, found: layers.types }] : []
    },
  },
  {
    what: 'vocabulary',
    said: (config) => numbersIn(config, ['vocab_size']),
    shown: (graph) => anyOf(tokenTables(graph).map(({ name, rows }) => [name, rows])),
    agrees: (rows, said) => rows === said || isPadded(rows as number, said as number),
  },
  {
    what: 'width',
    said: embeddingWidths,
    shown: ({ initializers, ...graph }) =>
      anyOf(
        tokenTables({ initializers, ...graph }).flatMap(({ name }) => {
          const { dims, dtype } = initializers.get(name) ?? { dims: [], dtype: 'float32' }
          // Codes of four bits may lie two in a byte.
          return dims.length === 2 && dataTypes[dtype].float ? [[name, dims[1] as number] as const] : []
        }),
      ),
  },
  {
    what: 'number of layers',
    said: layerCounts,
    shown(graph) {
      const count = countLayers(modulePaths(graph)) || countSharedLayers(graph)
      return count > 0 ? [{ place: 'names of its layers', found: [count], atLeast: !namesMatrices(graph) }] : []
    },
  },
  {
    what: 'number of positions',
    said: (config) => numbersIn(config, ['max_position_embeddings', 'n_positions']),
    shown: rowsOf(positionTable),
    // Some types have rows before the first position, and a model may be used for shorter texts.
    agrees: (rows, said) => rows >= said,
  },
  ...embeddingFacts,
  ...attentionFacts,
  ...rotaryFacts,
]

/** Inputs of images and sound: such a model has layers for each kind, with a configuration for each. */
const otherInputs = /^(pixel_values|input_features|input_values)/

const agree = ({ agrees = Object.is }: ModelFact, { found, atLeast }: Shown, said: readonly Said[]): boolean =>
  found.some((value) => said.some(([own]) => agrees(value, own) || (atLeast === true && value < own)))

const listed = (answers: readonly Answer[]): string =>
  [...answers.slice(0, 6), ...answers.slice(6, 7).map(() => '...')].join(' or ')

/**
 * Compares a model's file with its configuration: the kind of its layers and their number, the vocabulary, widths,
 * positions (learned and rotary), types of tokens and heads. What the file hides and what the configuration does not say
 * is not compared. A table of tokens may have been padded; of model types that are not known, the kind of layers is not
 * compared, and nothing of a model that reads images or sound.
 * @param graph The file as `decodeGraph`, `readOutline` or `readOnnxModel` gives it.
 * @param config Contents of config.json.
 * @param where The file.
 * @throws {ConfigError} naming the place in the file, what it shows there, and the field of config.json.
 */
export function checkConfig(graph: Graph, config: ModelConfig, where: string): void {
  requireKind('checkConfig, graph', graph, 'graph')
  requireKind('checkConfig, config', config, 'object')
  if (graph.inputs.some((name) => otherInputs.test(name))) return
  for (const fact of facts) {
    const said = fact.said(config)
    const other = said.length > 0 && fact.shown(graph).find((shown) => !agree(fact, shown, said))
    if (!other) continue
    throw new ConfigError({
      where: `${where}, ${other.place}`,
      what: `its ${fact.what} is not that of config.json (${[...new Set(said.map(([, field]) => field))].join(', ')})`,
      expected: said.map(([value]) => value).join(' or '),
      found: listed(other.found),
      fix: 'Take the config.json that the file was exported with.',
    })
  }
}
