// Failures of data from outside. This package knows no other, so it has its own class of the same form as
// @cola/graph's.

export interface DataProblem {
  /** File and line, URL or option. */
  where: string
  what: string
  expected?: string
  found?: string
  fix?: string
}

/** Data that is not what it should be; the message says where, what was expected, what was found and what to do. */
export class DataError extends Error {
  readonly problem: DataProblem
  constructor(problem: DataProblem, options?: ErrorOptions) {
    const { where, what, expected, found, fix } = problem
    super(
      `${where}: ${what}${expected === undefined ? '' : `, expected ${expected}`}${found === undefined ? '' : `, found ${found}`}.${fix ? ` ${fix}` : ''}`,
      options,
    )
    this.name = new.target.name
    this.problem = problem
  }
}

/** A hub that is down, slow, refuses, or answers with something that is not the file. */
export class HubError extends DataError {}
