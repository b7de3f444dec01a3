// What rotary positions show (Su et al. 2021): the frequencies theta^(-2i / size), or tables of their cosines.

import type { ModelConfig } from '@cola/data'
import { elementCount, type Graph, producersOf, type Tensor, toFloat32 } from '@cola/graph'
import { headSizes } from './config-fields.ts'
import { hasLlamaLayers } from './layer-types.ts'
import { cosineTables } from './rotary-tables.ts'
import { type Answer, anyOf, type ModelFact, type Said, type Shown } from './model-fact.ts'
import { isScaled, lowestFrequencies, rotaryNumbers, rounded, thetas } from './rope-scaling.ts'

/** Operators between frequencies and the cosine of their angles. */
const passing = new Set([
  ...['Concat', 'Mul', 'MatMul', 'Transpose', 'Reshape', 'Expand', 'Cast', 'Unsqueeze', 'Squeeze', 'Identity'],
])

/** Constants from which values are computed by such operators. */
function constantsBehind({ nodes, initializers }: Graph, values: readonly string[]): [name: string, data: Tensor][] {
  const producers = producersOf({ nodes })
  const seen = new Set<string>()
  const found: [string, Tensor][] = []
  const visit = (name: string): void => {
    if (seen.has(name)) return
    seen.add(name)
    const data = initializers.get(name)
    if (data) found.push([name, data])
    const node = producers.get(name)
    if (node && passing.has(node.opType)) node.inputs.forEach(visit)
  }
  values.forEach(visit)
  return found
}

/** Positive numbers that fall, at most 1: the frequencies of rotary positions. */
interface Frequencies {
  readonly name: string
  readonly values: readonly number[]
}

function frequenciesOf(name: string, data: Tensor): Frequencies | undefined {
  const count = elementCount(data.dims)
  if (data.dtype !== 'float32' || count < 2 || count > 1024 || !data.dims.includes(count)) return undefined
  const values = [...toFloat32(data)]
  const fall = values.every((value, i) => value > 0 && value < (values[i - 1] ?? 1 + 1e-6))
  return fall ? { name, values } : undefined
}

function frequencies(graph: Graph): Frequencies[] {
  const angles = graph.nodes.flatMap(({ opType, inputs }) => (opType === 'Cos' ? [inputs[0] as string] : []))
  return constantsBehind(graph, angles).flatMap(([name, data]) => frequenciesOf(name, data) ?? [])
}

/** The base of frequencies 1, r, r^2, ... with r = theta^(-1 / count), which nothing has scaled. */
function baseOf({ name, values }: Frequencies): [name: string, theta: number][] {
  const count = values.length
  const ratio = (values[count - 1] as number) ** (1 / (count - 1))
  const isGeometric = values.every((value, i) => Math.abs(value / ratio ** i - 1) < 1e-4)
  return values[0] === 1 && isGeometric ? [[name, rounded(ratio ** -count)]] : []
}

const basesOf = (config: ModelConfig): Said[] =>
  hasLlamaLayers(config.model_type) && !isScaled(config) ? thetas(config) : []

/** Types that rotate a part of each head; others may have the field that says which, and ignore it. */
const rotatesPart = /^(phi|stablelm)$/

function rotarySizes(config: ModelConfig): Said[] {
  if (!hasLlamaLayers(config.model_type)) return []
  const sizes = headSizes(config)
  const parts = rotaryNumbers(config, ['partial_rotary_factor']).flatMap(([share, of]) =>
    sizes.map(([size, field]): Said => [Math.trunc(Number(size) * Number(share)), `${field} * ${of}`]),
  )
  return rotatesPart.test(String(config.model_type)) ? parts : [...sizes, ...parts]
}

const doubled = (values: readonly (readonly [name: string, count: number])[]): Shown[] =>
  anyOf(values.map(([name, count]) => [name, 2 * count]))

const isNear = (found: Answer, said: Answer): boolean => Math.abs(Number(found) / Number(said) - 1) < 0.01

/** Rows of the table. */
export const rotaryFacts: readonly ModelFact[] = [
  {
    what: 'size of rotary positions',
    said: rotarySizes,
    // A graph with transformers' names shows heads, which say more of what is wrong.
    shown: (graph) => [
      ...(graph.metadata.model_type === undefined
        ? []
        : doubled(frequencies(graph).map(({ name, values }) => [name, values.length] as const))),
      ...doubled(cosineTables(graph).map(([name, [, half]]) => [name, half as number] as const)),
    ],
  },
  {
    what: 'base of rotary positions',
    said: basesOf,
    shown: (graph) => anyOf(frequencies(graph).flatMap(baseOf)),
    agrees: isNear,
  },
  {
    what: 'lowest frequency of rotary positions',
    said: (config) => lowestFrequencies(config, rotarySizes(config)),
    shown: (graph) => anyOf(frequencies(graph).map(({ name, values }) => [name, rounded(values.at(-1) as number)])),
    agrees: isNear,
  },
]
