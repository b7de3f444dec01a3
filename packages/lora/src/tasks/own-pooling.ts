// The option pooling beside a head that has its own. Loaded for the error.

import { ConfigError } from '../errors.ts'

export const ownPooling = (expected: string, found: string): ConfigError =>
  new ConfigError({
    where: 'option pooling',
    what: 'a head with layers has its own',
    expected,
    found,
    fix: 'Leave out pooling, or head.',
  })
