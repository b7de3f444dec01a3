// An option that has no effect on what it stands beside.

import { ConfigError } from '../errors.ts'

/**
 * @param expected What the option is for.
 * @param found What there is in its place.
 * @throws {ConfigError} for an option that is set and would be ignored.
 */
export function requireUse(option: string, isUsed: boolean, expected: string, found: string): void {
  if (isUsed) return
  throw new ConfigError({
    where: `option ${option}`,
    what: 'it has no effect here',
    expected,
    found,
    fix: 'Leave it out.',
  })
}
