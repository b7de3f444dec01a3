// The repository's folder. On its own, because packed.ts asks the registry as soon as it is imported.

import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')
