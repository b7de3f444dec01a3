// Writes the declarations that are published, from those of `tsc -b`, in the package's folder: in dist/types/ a property
// that may be absent may be undefined. The sources are written under exactOptionalPropertyTypes, and the libraries take
// an option that is undefined as not set: who has it on too may pass `{ seed: undefined }`, or spread options.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { orUndefined } from './or-undefined.ts'

/** The sources are one folder further up. */
const fromBelow = (map: string): string => JSON.stringify({ ...JSON.parse(map), sourceRoot: '../' })

const target = join('dist', 'types')
rmSync(target, { recursive: true, force: true })
for (const file of readdirSync('dist', { recursive: true, encoding: 'utf8' })) {
  if (!/\.d\.ts(\.map)?$/.test(file)) continue
  mkdirSync(dirname(join(target, file)), { recursive: true })
  const text = readFileSync(join('dist', file), 'utf8')
  writeFileSync(join(target, file), file.endsWith('.map') ? fromBelow(text) : orUndefined(text))
}
