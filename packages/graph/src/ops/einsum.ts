// The row of Einsum: sums of products of any number of factors, in any order of their axes.

import { ShapeError } from '../errors.ts'
import type { Dim } from '../ir/dim.ts'
import { input, type InferContext, type Operator, type OutputType } from './operator.ts'

/** The axes of each factor and of the output, one letter an axis. */
export interface EinsumTerms {
  inputs: string[]
  output: string
}

/** The terms of an explicit equation without an ellipsis or a diagonal, such as `bqd,bkd->bqk`. */
export function einsumTerms(equation: string): EinsumTerms | undefined {
  const text = equation.replaceAll(' ', '')
  if (!/^[a-zA-Z]*(,[a-zA-Z]*)*->[a-zA-Z]*$/.test(text)) return undefined
  const [left = '', output = ''] = text.split('->')
  const inputs = left.split(',')
  const isPlain = [...inputs, output].every((term) => new Set(term).size === term.length)
  return isPlain ? { inputs, output } : undefined
}

function inferEinsum(c: InferContext): OutputType[] {
  const equation = String(c.attributes.equation)
  const terms = einsumTerms(equation)
  if (!terms || terms.inputs.length !== c.x.length)
    throw new ShapeError({
      where: c.where,
      what: 'an equation that is not supported',
      expected: `letters, "->" and ${c.x.length} terms`,
      found: equation,
      fix: 'Write it with its output, without an ellipsis or a repeated axis of one term.',
    })
  const sizes = new Map<string, Dim>()
  terms.inputs.forEach((term, i) => {
    const { name, shape } = input(c, i)
    if (shape.length !== term.length)
      throw new ShapeError({ where: c.where, what: `term "${term}" does not fit "${name}"`, found: `[${shape}]` })
    for (const [axis, letter] of [...term].entries()) {
      const [known, size] = [sizes.get(letter), shape[axis] as Dim]
      if (typeof known === 'number' && typeof size === 'number' && known !== size)
        throw new ShapeError({
          where: c.where,
          what: `axis "${letter}" has two sizes`,
          expected: String(known),
          found: String(size),
        })
      if (typeof known !== 'number') sizes.set(letter, typeof size === 'number' ? size : (known ?? size))
    }
  })
  const unknown = [...terms.output].find((letter) => !sizes.has(letter))
  if (unknown) throw new ShapeError({ where: c.where, what: `no input has the axis "${unknown}"`, found: equation })
  return [{ dtype: input(c, 0).dtype, shape: [...terms.output].map((letter) => sizes.get(letter) as Dim) }]
}

export const einsum = {
  Einsum: { inputs: [1, 1000], attributes: { equation: ['string'] }, same: 'all', infer: inferEinsum },
} satisfies Record<string, Operator>
