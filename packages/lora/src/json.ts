// JSON files.

import { readFile } from '@cola/train'
import { ConfigError } from './errors.ts'

/** The parsed contents of a JSON file. @throws {FileError | ConfigError} naming it. */
export function readJson(path: string): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(readFile(path)))
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause
    throw new ConfigError({ where: path, what: 'not JSON', found: cause.message }, { cause })
  }
}
