// Rows of convolutions: the patches of an image, the front of a speech model, the short convolutions of some encoders.

import { ShapeError } from '../errors.ts'
import { addDims, type Dim, mulDims } from '../ir/dim.ts'
import type { Attributes, Value } from '../ir/graph.ts'
import { input, type InferContext, int, ints, type Operator } from './operator.ts'

/** How a kernel moves along an axis; `before` and `after` are the padded elements. */
export interface Window {
  readonly kernel: number
  readonly stride: number
  readonly dilation: number
  readonly before: number
  readonly after: number
}

/** Number of elements between the first and the last that a kernel reads. */
const reach = ({ kernel, dilation }: Window): number => dilation * (kernel - 1)

/**
 * The windows of a convolution, one for each spatial axis.
 * @returns Undefined where the padding depends on a size: auto_pad SAME_UPPER or SAME_LOWER, and a stride above 1.
 */
export function windowsOf({ shape }: Value, attributes: Attributes): Window[] | undefined {
  const kernels = shape.slice(2)
  if (!kernels.every((kernel) => typeof kernel === 'number')) return undefined
  const { strides = [], dilations = [], pads = [], auto_pad = 'NOTSET' } = attributes as Record<string, number[]>
  const windows = (kernels as number[]).map((kernel, i) => ({
    kernel,
    stride: strides[i] ?? 1,
    dilation: dilations[i] ?? 1,
    before: pads[i] ?? 0,
    after: pads[i + kernels.length] ?? 0,
  }))
  const pad = String(auto_pad)
  if (pad === 'NOTSET') return windows
  if (pad === 'VALID') return windows.map((window) => ({ ...window, before: 0, after: 0 }))
  if (windows.some(({ stride }) => stride !== 1)) return undefined
  return windows.map((window) => {
    const less = Math.floor(reach(window) / 2)
    const more = reach(window) - less
    return { ...window, ...(pad === 'SAME_UPPER' ? { before: less, after: more } : { before: more, after: less }) }
  })
}

/** @throws {ShapeError} for tensors that are no batch of images, or signals, and no kernels for them. */
function operands(c: InferContext): readonly [x: Value, w: Value] {
  const [x, w] = [input(c, 0), input(c, 1)]
  if (x.shape.length < 3 || w.shape.length !== x.shape.length)
    throw new ShapeError({
      where: c.where,
      what: 'needs X and W of one rank, of at least 3',
      found: `[${x.shape}] and [${w.shape}]`,
    })
  return [x, w]
}

/** @throws {ShapeError} where X has other channels than W reads. */
function sameChannels(c: InferContext, x: Value, channels: Dim): void {
  if (typeof x.shape[1] === 'number' && typeof channels === 'number' && x.shape[1] !== channels)
    throw new ShapeError({
      where: c.where,
      what: `"${x.name}" has another number of channels than its weight reads`,
      expected: String(channels),
      found: String(x.shape[1]),
    })
}

function convolved(c: InferContext, size: Dim, window: Window | undefined): Dim {
  const { auto_pad, strides } = c.attributes
  if (!window) {
    const isSame = String(auto_pad).startsWith('SAME') && typeof size === 'number' && Array.isArray(strides)
    return isSame && new Set(strides).size === 1 ? Math.ceil(size / Number(strides[0])) : c.unknownDim()
  }
  const rest = window.before + window.after - reach(window)
  if (window.stride === 1) return addDims(size, rest)
  return typeof size === 'number' ? Math.floor((size + rest - 1) / window.stride) + 1 : c.unknownDim()
}

const attributes: Operator['attributes'] = {
  auto_pad: ['string', 'NOTSET'],
  dilations: ['ints'],
  group: ['int', 1],
  kernel_shape: ['ints'],
  pads: ['ints'],
  strides: ['ints'],
}

export const convolutions = {
  /** X [batch, channels, ...sizes] by W [outputs, channels / group, ...kernel], and a bias [outputs]. */
  Conv: {
    inputs: [2, 3],
    attributes,
    same: 'all',
    infer: (c) => {
      const [x, w] = operands(c)
      const [outputs, channels] = w.shape as [Dim, Dim]
      sameChannels(c, x, mulDims(channels, int(c, 'group')))
      const windows = windowsOf(w, c.attributes)
      const sizes = x.shape.slice(2).map((size, i) => convolved(c, size, windows?.[i]))
      return [{ dtype: x.dtype, shape: [x.shape[0] as Dim, outputs, ...sizes] }]
    },
  },
  /** The gradient of Conv with respect to X: W is [channels of X, outputs / group, ...kernel]. */
  ConvTranspose: {
    inputs: [2, 3],
    attributes: { ...attributes, output_padding: ['ints'], output_shape: ['ints'] },
    same: 'all',
    infer: (c) => {
      const [x, w] = operands(c)
      const [channels, outputs] = w.shape as [Dim, Dim]
      sameChannels(c, x, channels)
      const [windows, extra, known] = [windowsOf(w, c.attributes), ints(c, 'output_padding'), ints(c, 'output_shape')]
      const sizes = x.shape.slice(2).map((size, i) => {
        const window = windows?.[i]
        if (known || !window || c.attributes.auto_pad !== 'NOTSET') return known?.[i] ?? c.unknownDim()
        const rest = reach(window) + 1 - window.before - window.after + (extra?.[i] ?? 0)
        return addDims(mulDims(window.stride, addDims(size, -1)), rest)
      })
      return [{ dtype: x.dtype, shape: [x.shape[0] as Dim, mulDims(outputs, int(c, 'group')), ...sizes] }]
    },
  },
} satisfies Record<string, Operator>
