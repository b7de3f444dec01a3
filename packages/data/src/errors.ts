// Typed errors of data and of the hub. They have the fields of @cola/graph's ColaError, which this package does not
// import.

/** What an error says: where the problem is, what was expected, what was found and what to do. */
export interface DataProblem {
  /** File and line, URL or option. */
  where: string
  what: string
  expected?: string
  found?: string
  fix?: string
}

/** Data that is not valid; the message says where, what was expected, what was found and what to do. */
export class DataError extends Error {
  // Names are spelled out, because minifiers change those of classes.
  override name = 'DataError'
  readonly problem: DataProblem
  constructor(problem: DataProblem, options?: ErrorOptions) {
    super(describe(problem), options)
    this.problem = problem
  }
}

/** The hub is unreachable or slow, refuses a request, or its response is not valid. */
export class HubError extends DataError {
  override name = 'HubError'
}

function describe({ where, what, expected, found, fix }: DataProblem): string {
  const expectedText = expected === undefined ? '' : `, expected ${expected}`
  const foundText = found === undefined ? '' : `, found ${found}`
  return `${where}: ${what}${expectedText}${foundText}.${fix ? ` ${fix}` : ''}`
}
