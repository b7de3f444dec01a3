// Matches functions that exporters write as several operators: GELU, Swish (SiLU), RMS normalization. The gradient of
// one operator reads and writes far less than the gradients of its parts.

import { type Graph, getValue, type Node } from '../ir/graph.ts'
import { dataTypes } from '../tensor/dtype.ts'
import { bfloat16ToFloat32, float16ToNumber, numberToBfloat16, numberToFloat16 } from '../tensor/float16.ts'
import { elementCount, toFloat32 } from '../tensor/tensor.ts'

/** The operator that computes a node's output, and its inputs. */
export interface Recognised {
  opType: 'Gelu' | 'Swish' | 'RMSNormalization'
  inputs: readonly string[]
  attributes?: Readonly<Record<string, number>>
}

type Producers = ReadonlyMap<string, Node>

/** The function whose last operator is this node (a Mul), or undefined. */
export function recognise(graph: Graph, producers: Producers, node: Node): Recognised | undefined {
  if (node.opType !== 'Mul') return undefined
  const gelu = geluInput(graph, producers, node)
  if (gelu !== undefined) return { opType: 'Gelu', inputs: [gelu] }
  return swish(producers, node) ?? rmsNormalization(graph, producers, node)
}

/** x sigmoid(x). */
function swish(producers: Producers, { inputs: [a = '', b = ''] }: Node): Recognised | undefined {
  const isSigmoidOf = (name: string, x: string) =>
    producers.get(name)?.opType === 'Sigmoid' && producers.get(name)?.inputs[0] === x
  const x = isSigmoidOf(b, a) ? a : isSigmoidOf(a, b) ? b : undefined
  return x === undefined ? undefined : { opType: 'Swish', inputs: [x] }
}

/** scale x / sqrt(mean(x^2) + epsilon) along the last axis. Zhang & Sennrich 2019. */
function rmsNormalization(
  graph: Graph,
  producers: Producers,
  { inputs: [a = '', b = ''] }: Node,
): Recognised | undefined {
  for (const [scale, normal] of [
    [a, b],
    [b, a],
  ] as const) {
    const match = normalized(graph, producers, producers.get(normal))
    if (!match || getValue(graph, scale).shape.length !== 1) continue
    return { opType: 'RMSNormalization', inputs: [match.x, scale], attributes: { axis: -1, epsilon: match.epsilon } }
  }
  return undefined
}

/** x and epsilon of a node that computes x (1 / rms) or x / rms. */
function normalized(
  graph: Graph,
  producers: Producers,
  node: Node | undefined,
): { x: string; epsilon: number } | undefined {
  const [a = '', b = ''] = node?.inputs ?? []
  const candidates: (readonly [x: string, rms: string | undefined])[] =
    node?.opType === 'Div'
      ? [[a, b]]
      : node?.opType === 'Mul'
        ? [
            [a, reciprocal(graph, producers, b)],
            [b, reciprocal(graph, producers, a)],
          ]
        : []
  for (const [x, rms] of candidates) {
    const epsilon = epsilonOf(graph, producers, producers.get(rms ?? ''), x)
    if (epsilon !== undefined) return { x, epsilon }
  }
  return undefined
}

/** x, if a value is 1 / x. */
function reciprocal(graph: Graph, producers: Producers, name: string): string | undefined {
  const node = producers.get(name)
  if (node?.opType === 'Reciprocal') return node.inputs[0]
  return node?.opType === 'Div' && isNumber(graph, node.inputs[0], 1) ? node.inputs[1] : undefined
}

/** epsilon, if a node computes sqrt(mean(x^2) + epsilon) over the last axis. */
function epsilonOf(graph: Graph, producers: Producers, root: Node | undefined, x: string): number | undefined {
  const sum = root?.opType === 'Sqrt' ? producers.get(root.inputs[0] as string) : undefined
  if (sum?.opType !== 'Add') return undefined
  const at = sum.inputs.findIndex((name) => numberOf(graph, name) !== undefined)
  const mean = producers.get(sum.inputs[1 - at] ?? '')
  const axes = mean?.opType === 'ReduceMean' && mean.inputs[1] ? getValue(graph, mean.inputs[1]).content : undefined
  const last = axes?.length === 1 && (axes[0] === -1 || axes[0] === getValue(graph, x).shape.length - 1)
  if (!mean || !last || mean.attributes.keepdims === 0) return undefined
  const square = producers.get(mean.inputs[0] as string)
  const squares =
    square?.opType === 'Pow' ? isNumber(graph, square.inputs[1], 2) : square?.opType === 'Mul' && square.inputs[1] === x
  return squares && square?.inputs[0] === x ? numberOf(graph, sum.inputs[at]) : undefined
}

/** x, if a Mul computes 0.5 x (1 + erf(x / sqrt 2)), with its factors in any order. */
function geluInput(graph: Graph, producers: Producers, node: Node): string | undefined {
  const factors = product(graph, producers, node)
  const halves = factors.filter((name) => isNumber(graph, name, 0.5))
  const sums = factors.flatMap((name) => erfArgument(graph, producers, name) ?? [])
  if (factors.length !== 3 || halves.length !== 1 || sums.length !== 1) return undefined
  return factors.includes(sums[0] as string) ? sums[0] : undefined
}

/** The factors of a Mul; three if one of its inputs is a Mul. */
function product(graph: Graph, producers: Producers, node: Node): string[] {
  const inner = node.inputs.findIndex((name) => producers.get(name)?.opType === 'Mul')
  if (inner < 0) return [...node.inputs]
  const factors = producers.get(node.inputs[inner] as string)?.inputs ?? []
  // If both inputs are products, GELU's is the one with the factor 0.5 or the sum.
  const other = producers.get(node.inputs[1 - inner] as string)
  const isOfGelu = (names: readonly string[]) =>
    names.some((name) => isNumber(graph, name, 0.5) || erfArgument(graph, producers, name) !== undefined)
  if (other?.opType === 'Mul' && !isOfGelu(factors) && isOfGelu(other.inputs))
    return [node.inputs[inner] as string, ...other.inputs]
  return [...factors, node.inputs[1 - inner] as string]
}

/** x, if a value is 1 + erf(x / sqrt 2). */
function erfArgument(graph: Graph, producers: Producers, name: string): string | undefined {
  const add = producers.get(name)
  if (add?.opType !== 'Add' || !add.inputs.some((input) => isNumber(graph, input, 1))) return undefined
  const erf = producers.get(add.inputs.find((input) => !isNumber(graph, input, 1)) ?? '')
  const scaled = erf?.opType === 'Erf' ? producers.get(erf.inputs[0] as string) : undefined
  const [a, b] = scaled?.inputs ?? []
  if (scaled?.opType === 'Div' && isNumber(graph, b, Math.SQRT2)) return a
  if (scaled?.opType !== 'Mul') return undefined
  return isNumber(graph, b, Math.SQRT1_2) ? a : isNumber(graph, a, Math.SQRT1_2) ? b : undefined
}

/** The number in a floating-point initializer of one element. */
function numberOf(graph: Graph, name: string | undefined): number | undefined {
  const data = name === undefined ? undefined : graph.initializers.get(name)
  return data && elementCount(data.dims) === 1 && dataTypes[data.dtype].float ? toFloat32(data)[0] : undefined
}

/** Whether an initializer is a number, or the number rounded to a 16-bit float. */
function isNumber(graph: Graph, name: string | undefined, number: number): boolean {
  const value = numberOf(graph, name)
  if (value === undefined) return false
  return Math.abs(value - number) < 1e-6 || value === toFloat16(number) || value === toBfloat16(number)
}

const toFloat16 = (number: number): number => float16ToNumber(numberToFloat16(number))
const toBfloat16 = (number: number): number => bfloat16ToFloat32(Uint16Array.of(numberToBfloat16(number)))[0] as number
