// Matrices that are in 4 or 8 bits in a base, and in float32 once an adapter is merged into them, in their bits again.

import { type Graph, type PackedMatrix, quantizeProducts, type Tensor, toFloat32 } from '@cola/graph'

/** What quantizing merged matrices again, in the bits of the base, changes. */
export interface Requantized {
  /** Number of matrices. */
  readonly matrices: number
  /** Norm of what rounding changes, as a share of the norm of all of these matrices. */
  readonly relative_error: number
}

/** A model whose merged matrices are in the bits and blocks of the base's again, and what that changes. */
export function inBitsOf(base: Graph, merged: Graph): { graph: Graph; requantized?: Requantized } {
  const graph = repacked(merged, base)
  const changed = [...graph.initializers].flatMap(([name, matrix]): [Tensor, Tensor][] => {
    const before = merged.initializers.get(name)
    return before && matrix.packed && !before.packed ? [[before, matrix]] : []
  })
  return { graph, ...(changed.length > 0 ? { requantized: requantized(changed) } : {}) }
}

function requantized(pairs: readonly (readonly [before: Tensor, after: Tensor])[]): Requantized {
  let [error, norm] = [0, 0]
  for (const [before, after] of pairs) {
    const [values, rounded] = [toFloat32(before), toFloat32(after)]
    values.forEach((value, i) => {
      error += (value - (rounded[i] as number)) ** 2
      norm += value ** 2
    })
  }
  return { matrices: pairs.length, relative_error: Math.sqrt(error / norm) }
}

/** A graph whose float32 matrices are in the bits and blocks that those of the same names have in another one. */
function repacked(graph: Graph, { initializers }: Graph): Graph {
  const formOf = ({ bits, blockSize, accuracyLevel }: PackedMatrix) =>
    `${bits} bits in blocks of ${blockSize}, accuracy level ${accuracyLevel}`
  const packed = [...initializers.values()].flatMap((matrix) => matrix.packed ?? [])
  const forms = new Map(packed.map((matrix) => [formOf(matrix), matrix]))
  return [...forms].reduce((result, [form, { bits, blockSize, accuracyLevel }]) => {
    const selects = ({ weight }: { weight: string }, matrix: Tensor) => {
      const original = initializers.get(weight)?.packed
      return !matrix.packed && original !== undefined && formOf(original) === form
    }
    return quantizeProducts(result, { bits, blockSize, accuracyLevel, minimum: 0, selects })
  }, graph)
}
