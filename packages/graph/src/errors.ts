// Typed errors. A message says where the problem is, what was expected, what was found and what to do.

/** What an error says: where the problem is, what was expected, what was found and what to do. */
export interface Problem {
  /** File, node or tensor where the problem was found. */
  where: string
  /** One sentence: what is wrong. */
  what: string
  expected?: string
  found?: string
  /** What the reader can do about it. */
  fix?: string | undefined
}

/** Base of all errors that the packages throw on bad input; carries the {@link Problem}'s fields. */
export class ColaError extends Error {
  // Names are spelled out, because minifiers change those of classes.
  override name = 'ColaError'
  readonly problem: Problem
  constructor(problem: Problem, options?: ErrorOptions) {
    super(describe(problem), options)
    this.problem = problem
  }
}

/** A file or byte sequence does not have the format it claims. */
export class FormatError extends ColaError {
  override name = 'FormatError'
}

/** Shapes or element types do not fit together. */
export class ShapeError extends ColaError {
  override name = 'ShapeError'
}

/** A graph is malformed: cyclic, dangling, duplicated or ill-typed. */
export class GraphError extends ColaError {
  override name = 'GraphError'
}

/** An operator has no row in the table, or no gradient rule. */
export class UnsupportedOperatorError extends ColaError {
  override name = 'UnsupportedOperatorError'
}

/** A configuration with unknown or contradictory fields, or an option that is unknown or out of its range. */
export class ConfigError extends ColaError {
  override name = 'ConfigError'
}

function describe({ where, what, expected, found, fix }: Problem): string {
  const expectedText = expected === undefined ? '' : `, expected ${expected}`
  const foundText = found === undefined ? '' : `, found ${found}`
  const text = `${where}: ${what}${expectedText}${foundText}`
  return `${text}${/[^.]\.$/.test(text) ? '' : '.'}${fix ? ` ${fix}` : ''}`
}
