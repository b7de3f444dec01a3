// Where the examples read and write. Cells of a notebook have no `import.meta`.

import { join } from 'node:path'

const examples = join(import.meta.dirname, '..')

/** Folder of the small GPT-2 that comes with the repository. */
export const embeddedModel = join(examples, 'model')

/** out/NAME at the repository's root, where nothing is kept under version control. */
export const outFolder = (name: string): string => join(examples, '..', 'out', name)
