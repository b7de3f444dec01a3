// Options, and where those belong that are unknown, which is loaded for them.

import { type Check, checkOptions } from '@cola/graph/options'

/** @throws {ConfigError} as `checkOptions` does. */
export async function checkKnown(
  where: string,
  options: object,
  checks: Readonly<Record<string, Check>>,
  names: 'ofTraining' | 'ofLoading' | 'ofOpen',
): Promise<void> {
  const areKnown = Object.keys(options ?? {}).every((name) => Object.hasOwn(checks, name))
  checkOptions(where, options, checks, false, areKnown ? {} : (await import('./other-names.ts'))[names])
}
