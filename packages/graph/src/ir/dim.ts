// Symbolic dimensions: a number, or a polynomial with whole coefficients over named symbols, kept as canonical text
// ("2*batch*sequence+1").

import { type Check, checkValue, string } from '../options.ts'

/** A known size, or a canonical expression over symbols such as `batch` and `sequence`. */
export type Dim = number | string

const dimension: Check = ['a number, or a text of symbols', string[1]]

/** Monomial (factors joined by `*`, sorted; '' is the constant) to its coefficient, which is not 0. */
type Polynomial = Map<string, number>

function parse(dim: Dim): Polynomial {
  const terms: Polynomial = new Map()
  if (typeof dim === 'number') {
    addTerm(terms, '', dim)
    return terms
  }
  checkValue('dimension', dim, dimension)
  for (const text of dim.match(/[+-]?[^+-]+/g) ?? []) {
    const factors = text.replace(/^\+/, '').split('*')
    const numeric = /^-?\d+$/.test(factors[0] as string)
    const coefficient = numeric ? Number(factors.shift()) : text.startsWith('-') ? -1 : 1
    const symbols = factors.map((factor) => factor.replace(/^-/, ''))
    addTerm(terms, symbols.sort().join('*'), coefficient)
  }
  return terms
}

function addTerm(terms: Polynomial, monomial: string, coefficient: number): void {
  const sum = (terms.get(monomial) ?? 0) + coefficient
  if (sum === 0) terms.delete(monomial)
  else terms.set(monomial, sum)
}

function format(terms: Polynomial): Dim {
  const keys = [...terms.keys()].sort((a, b) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1))
  if (keys.length === 0) return 0
  if (keys.length === 1 && keys[0] === '') return terms.get('') as number
  const text = keys.map((key) => {
    const coefficient = terms.get(key) as number
    const sign = coefficient < 0 ? '-' : '+'
    const size = Math.abs(coefficient)
    return sign + (key === '' ? size : size === 1 ? key : `${size}*${key}`)
  })
  return text.join('').replace(/^\+/, '')
}

/** Sum of two dimensions. */
export function addDims(a: Dim, b: Dim): Dim {
  const terms = parse(a)
  for (const [monomial, coefficient] of parse(b)) addTerm(terms, monomial, coefficient)
  return format(terms)
}

/** Product of dimensions; 1 for none. */
export function mulDims(...dims: readonly Dim[]): Dim {
  let product: Polynomial = new Map([['', 1]])
  for (const dim of dims) {
    const next: Polynomial = new Map()
    for (const [a, x] of product) {
      for (const [b, y] of parse(dim))
        addTerm(next, [a, b].filter(Boolean).join('*').split('*').sort().join('*'), x * y)
    }
    product = next
  }
  return format(product)
}

/** The difference of two dimensions. */
export const subtractDims = (a: Dim, b: Dim): Dim => addDims(a, mulDims(b, -1))

/** Exact quotient where `b` is a monomial that divides every term of `a`; undefined otherwise, and for 0. */
export function divDims(a: Dim, b: Dim): Dim | undefined {
  const divisor = [...parse(b)]
  if (divisor.length !== 1) return a === b && b !== 0 ? 1 : undefined
  const [symbols, number] = divisor[0] as [string, number]
  const quotient: Polynomial = new Map()
  for (const [monomial, coefficient] of parse(a)) {
    const factors = monomial.split('*').filter(Boolean)
    for (const symbol of symbols.split('*').filter(Boolean)) {
      const at = factors.indexOf(symbol)
      if (at < 0) return undefined
      factors.splice(at, 1)
    }
    if (coefficient % number !== 0) return undefined
    addTerm(quotient, factors.join('*'), coefficient / number)
  }
  return format(quotient)
}

/** Parses a dimension's name from a file ("past_sequence_length + 1", "batch size") into its canonical form. */
export function parseDim(text: string): Dim {
  checkValue('dimension', text, string)
  const plain = text.replace(/\s*([+*])\s*/g, '$1').trim()
  const simple = /^[A-Za-z_?][\w.?]*(\s*[+*]\s*[\w.?]+)*$/.test(plain)
  return format(parse(simple ? plain : plain.replace(/[^\w.?]/g, '_')))
}

/** The terms of a dimension: a whole number times a product of symbols. */
export const dimTerms = (dim: Dim): { coefficient: number; symbols: string[] }[] =>
  [...parse(dim)].map(([monomial, coefficient]) => ({ coefficient, symbols: monomial.split('*').filter(Boolean) }))

/** The symbols that occur in a dimension. */
export const dimSymbols = (dim: Dim): string[] => dimTerms(dim).flatMap(({ symbols }) => symbols)

/** A dimension with a dimension in place of each symbol. */
export const replaceSymbols = (dim: Dim, replacement: (symbol: string) => Dim): Dim =>
  dimTerms(dim)
    .map(({ coefficient, symbols }) => mulDims(coefficient, ...symbols.map(replacement)))
    .reduce(addDims, 0)

/** The least and the greatest value of a dimension whose symbols are whole numbers from 0 on. */
export function boundsOf(dim: Dim): readonly [least: number, greatest: number] {
  const terms = dimTerms(dim)
  const constant = terms.find(({ symbols }) => symbols.length === 0)?.coefficient ?? 0
  const signs = terms.filter(({ symbols }) => symbols.length > 0).map(({ coefficient }) => Math.sign(coefficient))
  return [signs.includes(-1) ? -Infinity : constant, signs.includes(1) ? Infinity : constant]
}

/** Value of a dimension for the given sizes of symbols; undefined if one of its symbols has no size. */
export function evaluateDim(dim: Dim, symbols: ReadonlyMap<string, number>): number | undefined {
  let sum = 0
  for (const { coefficient, symbols: factors } of dimTerms(dim)) {
    let product = coefficient
    for (const symbol of factors) {
      const value = symbols.get(symbol)
      if (value === undefined) return undefined
      product *= value
    }
    sum += product
  }
  return sum
}

/** Whether two shapes have the same canonical dimensions. */
export const sameShape = (a: readonly Dim[], b: readonly Dim[]): boolean =>
  a.length === b.length && a.every((dim, i) => dim === b[i])
