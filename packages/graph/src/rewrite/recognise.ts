// Functions that exporters spell out in several operators, by the shape of what they write: GELU, Swish (SiLU), RMS
// normalization. As one operator each they get the gradient of the whole, which reads and writes far less than that of
// the parts.

import { type Graph, getValue, type Node } from '../ir/graph.ts'
import { dataTypes } from '../tensor/dtype.ts'
import { bfloat16ToFloat32, float16ToNumber, numberToBfloat16, numberToFloat16 } from '../tensor/float16.ts'
import { elementCount, toFloat32 } from '../tensor/tensor.ts'

/** The operator that a node's output is, and its inputs. */
export interface Recognised {
  opType: 'Gelu' | 'Swish' | 'RMSNormalization'
  inputs: readonly string[]
  attributes?: Readonly<Record<string, number>>
}

type Makers = ReadonlyMap<string, Node>

/** What a Mul ends, if it is one of them. */
export function recognise(graph: Graph, makers: Makers, node: Node): Recognised | undefined {
  if (node.opType !== 'Mul') return undefined
  const gelu = geluInput(graph, makers, node)
  if (gelu !== undefined) return { opType: 'Gelu', inputs: [gelu] }
  return swish(makers, node) ?? rmsNormalization(graph, makers, node)
}

/** x sigmoid(x). */
function swish(makers: Makers, { inputs: [a = '', b = ''] }: Node): Recognised | undefined {
  const isSigmoidOf = (name: string, x: string) =>
    makers.get(name)?.opType === 'Sigmoid' && makers.get(name)?.inputs[0] === x
  const x = isSigmoidOf(b, a) ? a : isSigmoidOf(a, b) ? b : undefined
  return x === undefined ? undefined : { opType: 'Swish', inputs: [x] }
}

/** scale x / sqrt(mean(x^2) + epsilon) along the last axis. Zhang & Sennrich 2019. */
function rmsNormalization(graph: Graph, makers: Makers, { inputs: [a = '', b = ''] }: Node): Recognised | undefined {
  for (const [scale, normal] of [
    [a, b],
    [b, a],
  ] as const) {
    const found = normalized(graph, makers, makers.get(normal))
    if (!found || getValue(graph, scale).shape.length !== 1) continue
    return { opType: 'RMSNormalization', inputs: [found.x, scale], attributes: { axis: -1, epsilon: found.epsilon } }
  }
  return undefined
}

/** x and epsilon of x (1 / rms) or x / rms. */
function normalized(graph: Graph, makers: Makers, node: Node | undefined): { x: string; epsilon: number } | undefined {
  const [a = '', b = ''] = node?.inputs ?? []
  const candidates: (readonly [x: string, rms: string | undefined])[] =
    node?.opType === 'Div'
      ? [[a, b]]
      : node?.opType === 'Mul'
        ? [
            [a, reciprocal(graph, makers, b)],
            [b, reciprocal(graph, makers, a)],
          ]
        : []
  for (const [x, rms] of candidates) {
    const epsilon = epsilonOf(graph, makers, makers.get(rms ?? ''), x)
    if (epsilon !== undefined) return { x, epsilon }
  }
  return undefined
}

/** What a value is the reciprocal of. */
function reciprocal(graph: Graph, makers: Makers, name: string): string | undefined {
  const node = makers.get(name)
  if (node?.opType === 'Reciprocal') return node.inputs[0]
  return node?.opType === 'Div' && isNumber(graph, node.inputs[0], 1) ? node.inputs[1] : undefined
}

/** epsilon of sqrt(mean(x^2) + epsilon). */
function epsilonOf(graph: Graph, makers: Makers, root: Node | undefined, x: string): number | undefined {
  const sum = root?.opType === 'Sqrt' ? makers.get(root.inputs[0] as string) : undefined
  if (sum?.opType !== 'Add') return undefined
  const at = sum.inputs.findIndex((name) => numberOf(graph, name) !== undefined)
  const mean = makers.get(sum.inputs[1 - at] ?? '')
  const axes = mean?.opType === 'ReduceMean' && mean.inputs[1] ? getValue(graph, mean.inputs[1]).content : undefined
  const last = axes?.length === 1 && (axes[0] === -1 || axes[0] === getValue(graph, x).shape.length - 1)
  if (!mean || !last || mean.attributes.keepdims === 0) return undefined
  const square = makers.get(mean.inputs[0] as string)
  const squares =
    square?.opType === 'Pow' ? isNumber(graph, square.inputs[1], 2) : square?.opType === 'Mul' && square.inputs[1] === x
  return squares && square?.inputs[0] === x ? numberOf(graph, sum.inputs[at]) : undefined
}

/** x, where a Mul ends 0.5 x (1 + erf(x / sqrt 2)), in whichever order its factors were multiplied. */
function geluInput(graph: Graph, makers: Makers, node: Node): string | undefined {
  const factors = product(graph, makers, node)
  const halves = factors.filter((name) => isNumber(graph, name, 0.5))
  const sums = factors.flatMap((name) => erfArgument(graph, makers, name) ?? [])
  if (factors.length !== 3 || halves.length !== 1 || sums.length !== 1) return undefined
  return factors.includes(sums[0] as string) ? sums[0] : undefined
}

/** The factors of a Mul of a Mul. */
function product(graph: Graph, makers: Makers, node: Node): string[] {
  const inner = node.inputs.findIndex((name) => makers.get(name)?.opType === 'Mul')
  if (inner < 0) return [...node.inputs]
  const factors = makers.get(node.inputs[inner] as string)?.inputs ?? []
  // Of two products, the one that has the half or the sum is GELU's.
  const other = makers.get(node.inputs[1 - inner] as string)
  const own = (list: readonly string[]) =>
    list.some((name) => isNumber(graph, name, 0.5) || erfArgument(graph, makers, name) !== undefined)
  if (other?.opType === 'Mul' && !own(factors) && own(other.inputs))
    return [node.inputs[inner] as string, ...other.inputs]
  return [...factors, node.inputs[1 - inner] as string]
}

/** x of 1 + erf(x / sqrt 2). */
function erfArgument(graph: Graph, makers: Makers, name: string): string | undefined {
  const add = makers.get(name)
  if (add?.opType !== 'Add' || !add.inputs.some((input) => isNumber(graph, input, 1))) return undefined
  const erf = makers.get(add.inputs.find((input) => !isNumber(graph, input, 1)) ?? '')
  const scaled = erf?.opType === 'Erf' ? makers.get(erf.inputs[0] as string) : undefined
  const [x, by] = scaled?.inputs ?? []
  if (scaled?.opType === 'Div' && isNumber(graph, by, Math.SQRT2)) return x
  if (scaled?.opType !== 'Mul') return undefined
  return isNumber(graph, by, Math.SQRT1_2) ? x : isNumber(graph, x, Math.SQRT1_2) ? by : undefined
}

function numberOf(graph: Graph, name: string | undefined): number | undefined {
  const data = name === undefined ? undefined : graph.initializers.get(name)
  return data && elementCount(data.dims) === 1 && dataTypes[data.dtype].float ? toFloat32(data)[0] : undefined
}

/** Whether an initializer is a number, or the nearest to it that a model of 16-bit floats had. */
function isNumber(graph: Graph, name: string | undefined, number: number): boolean {
  const found = numberOf(graph, name)
  if (found === undefined) return false
  return Math.abs(found - number) < 1e-6 || found === toFloat16(number) || found === toBfloat16(number)
}

const toFloat16 = (number: number): number => float16ToNumber(numberToFloat16(number))
const toBfloat16 = (number: number): number => bfloat16ToFloat32(Uint16Array.of(numberToBfloat16(number)))[0] as number
