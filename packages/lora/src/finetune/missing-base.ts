// What is said of a base model that files name and that is not there.

import { hasFiles } from '@cola/train/files'
import { ConfigError } from '../errors.ts'

/** Whether a name is a path where there are no folders: files do not say what a page opens of its own site. */
export const isLostPath = (name: string): boolean => !hasFiles() && /^\.{0,2}\//.test(name)

export const missingBase = (where: string, expected: string): ConfigError =>
  new ConfigError({
    where,
    what: 'the base model is not where it was',
    expected,
    fix: 'Name it: loadFineTuned(folder, { base }).',
  })
