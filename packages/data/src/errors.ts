// Typed errors of data and of the hub.

import { ColaError, ConfigError, type Problem } from '@cola/graph/errors'

export { ColaError, ConfigError, type Problem }

/** Data that is not valid; the message says where, what was expected, what was found and what to do. */
export class DataError extends ColaError {
  // Names are spelled out, because minifiers change those of classes.
  override name = 'DataError'
}

/** The hub is unreachable or slow, refuses a request, or its response is not valid. */
export class HubError extends DataError {
  override name = 'HubError'
}
