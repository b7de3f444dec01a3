// Writes the declarations that are published, from those of `tsc -b`, in the package's folder: in dist/types/ a property
// that may be absent may be undefined. The sources are written under exactOptionalPropertyTypes, and the libraries take
// an option that is undefined as not set: who has it on too may pass `{ seed: undefined }`, or spread options.

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** A property that may be absent, as the compiler writes it: on one line, or until the braces it opens are closed. */
const property = /^( *)((?:readonly )?(?:[\w$]+|\[\w+ in .+\])\?: )((?:.*\{(?:\n\1 .*)*\n\1(?=\}))*.*);$/gm
/** A method that may be absent: undefined, it is a property. */
const method = /^( *[\w$]+)\?((?:<.*>)?\(.*\)): (.*);$/gm
const holdsUndefined = /^unknown$|(^|\| )undefined$/
/** Types that would take `| undefined` into themselves. */
const isOpen = /=>| \? /

const orUndefined = (declarations: string): string =>
  declarations
    .replace(method, '$1?: $2 => $3;')
    .replace(property, (_, indent: string, name: string, declared: string) => {
      const type = orUndefined(declared)
      const whole = isOpen.test(type) ? `(${type})` : type
      return `${indent}${name}${holdsUndefined.test(whole) ? whole : `${whole} | undefined`};`
    })

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
