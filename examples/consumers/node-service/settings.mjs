// Settings from the environment, with their limits.

import * as v from 'valibot'

const whole = (from, otherwise) =>
  v.optional(v.pipe(v.string(), v.transform(Number), v.integer(), v.minValue(from)), String(otherwise))

const schema = v.object({
  /** Folder of the base model. */
  MODEL: v.string(),
  /** name=folder,name=folder */
  ADAPTERS: v.pipe(
    v.string(),
    v.transform((text) => text.split(',').map((pair) => pair.split(/=(.*)/s).slice(0, 2))),
    v.array(v.tuple([v.pipe(v.string(), v.nonEmpty()), v.pipe(v.string(), v.nonEmpty())])),
    v.minLength(1),
    v.transform((pairs) => new Map(pairs)),
  ),
  HOST: v.optional(v.string(), '127.0.0.1'),
  PORT: whole(0, 8080),
  MAX_CONNECTIONS: whole(1, 1024),
  MAX_BODY_BYTES: whole(1, 256 * 1024),
  MAX_TEXTS: whole(1, 32),
  MAX_CHARACTERS: whole(1, 10_000),
  /** Requests that wait for the model; more are refused with 503. */
  MAX_WAITING: whole(0, 256),
  /** From a request's arrival to its answer. */
  TIMEOUT_MS: whole(1, 10_000),
})

/** @throws {v.ValiError} naming the variable. */
export const readSettings = (environment) => v.parse(schema, environment)
