// The gradients of Conv, for any number of axes, groups, strides and dilations.

import { UnsupportedOperatorError } from '../errors.ts'
import type { Value } from '../ir/graph.ts'
import { scalarLike } from '../ops/composite.ts'
import { windowsOf } from '../ops/convolution.ts'
import type { RuleContext } from './rule.ts'

/** The attributes of a Conv with its padding in numbers. */
interface Geometry {
  readonly group: number
  readonly strides: readonly number[]
  readonly dilations: readonly number[]
  readonly pads: readonly number[]
}

function geometryOf({ x, attributes, where }: RuleContext): Geometry {
  const windows = windowsOf(x[1] as Value, attributes)
  if (!windows)
    throw new UnsupportedOperatorError({
      where,
      what: 'no gradient rule where the padding depends on the size (auto_pad, with strides above 1)',
      fix: 'Export the model with pads.',
    })
  return {
    group: Number(attributes.group),
    strides: windows.map(({ stride }) => stride),
    dilations: windows.map(({ dilation }) => dilation),
    pads: [...windows.map(({ before }) => before), ...windows.map(({ after }) => after)],
  }
}

/** dL/dX, dL/dW and dL/dbias from dL/dY. */
export function convolution(c: RuleContext): (Value | null)[] {
  const geometry = geometryOf(c)
  const axes = c.dy.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]))
  const bias = c.g.ReduceSum(c.dy, c.g.int64(axes), { keepdims: 0 })
  return [ofInput(c, geometry), ofWeight(c, geometry), ...(c.x.length > 2 ? [bias] : [])]
}

/**
 * dL/dX is the transposed convolution of dL/dY. With strides, the steps may end before or in the padding: what they do
 * not reach has the gradient 0, and what they reach of the padding is cut off.
 */
function ofInput({ g, dy, x: [x, w] }: RuleContext, geometry: Geometry): Value {
  const [data, kernels] = [x as Value, w as Value]
  if (geometry.strides.every((stride) => stride === 1)) return g.ConvTranspose(dy, kernels, { ...geometry })
  const before = geometry.pads.slice(0, geometry.pads.length / 2)
  const axes = before.map((_, i) => i + 2)
  const none = before.map(() => 0)
  // A kernel that can lie in the padding alone: the runtime refuses to cut off all that the steps reach.
  const isWithin = before.some((pad, i) => pad > (geometry.dilations[i] as number) * (Number(w?.shape[i + 2]) - 1))
  const whole = g.ConvTranspose(dy, kernels, { ...geometry, pads: [...(isWithin ? none : before), ...none] })
  const most = before.map(() => 2 ** 31 - 1)
  const reached = isWithin ? g.Slice(whole, g.int64(before), g.int64(most), g.int64(axes)) : whole
  const sizes = g.Shape(data, { start: 2 })
  const zeros = g.Expand(scalarLike(g, dy, 0), g.Shape(data))
  const size = (value: Value, axis: number): Value => g.Shape(value, { start: axis, end: axis + 1 })
  let result = g.Slice(reached, g.int64(axes.map(() => 0)), sizes, g.int64(axes))
  for (const axis of axes) {
    // Beyond the end of this axis, zeros as long as the result along the axes that follow.
    let beyond = g.Slice(zeros, size(result, axis), size(data, axis), g.int64([axis]))
    for (const other of axes.filter((at) => at > axis))
      beyond = g.Slice(beyond, g.int64([0]), size(result, other), g.int64([other]))
    result = g.Concat(result, beyond, { axis })
  }
  return g.Reshape(result, g.Shape(data))
}

/**
 * dW[o, c, k] = sum over n and t of dY[n, o, t] X[n, c, stride t + dilation k]: a convolution of X by dY whose batch are
 * the channels, whose channels are the texts, and whose strides and dilations have changed places.
 */
function ofWeight({ g, dy, x: [x, w] }: RuleContext, { group, strides, dilations, pads }: Geometry): Value {
  const [data, weight] = [x as Value, w as Value]
  const spatial = data.shape.slice(2).map((_, i) => i + 2)
  const swapped = { perm: [1, 0, ...spatial] }
  const attributes = { group, strides: dilations, dilations: strides, pads }
  const channels = Number(weight.shape[1])
  const byChannel = (): Value => {
    const sizes = g.Shape(data, { start: 2 })
    const parts = g.Concat(g.Shape(data, { start: 0, end: 1 }), g.int64([group, channels]), sizes, { axis: 0 })
    const turned = g.Transpose(g.Reshape(data, parts), { perm: [2, 1, 0, ...spatial.map((axis) => axis + 1)] })
    return g.Reshape(turned, g.Concat(g.int64([channels, -1]), sizes, { axis: 0 }))
  }
  const rows = group === 1 ? g.Transpose(data, swapped) : byChannel()
  // Elements of X that the steps do not reach make the result longer than the kernel.
  const product = g.Conv(rows, g.Transpose(dy, swapped), attributes)
  const kernel = weight.shape.slice(2) as number[]
  const cut = g.Slice(product, g.int64(kernel.map(() => 0)), g.int64(kernel), g.int64(spatial))
  return g.Reshape(g.Transpose(cut, swapped), g.Shape(weight))
}
