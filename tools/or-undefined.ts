// Declarations in which a property that may be absent may be undefined.

/** A property that may be absent, as the compiler writes it: on one line, or until the braces it opens are closed. */
const property = /^( *)((?:readonly )?(?:[\w$]+|\[\w+ in .+\])\?: )((?:.*\{(?:\n\1 .*)*\n\1(?=\}))*.*);$/gm
/** A method that may be absent: undefined, it is a property. */
const method = /^( *[\w$]+)\?((?:<.*>)?\(.*\)): (.*);$/gm
const holdsUndefined = /^unknown$|(^|\| )undefined$/
/** Types that would take `| undefined` into themselves: functions, whose arrow is `outside`'s, and conditional types. */
const isOpen = /→| \? /
const brackets = /[([{<][^()[\]{}<>]*[)\]}>]/g

/** A type without what stands in brackets. */
function outside(type: string): string {
  const rest = type.replaceAll('=>', '→').replaceAll(brackets, '')
  return rest === type ? rest : outside(rest)
}

/** The text of a declaration file, in which `name?: T` is `name?: T | undefined`. */
export const orUndefined = (declarations: string): string =>
  declarations
    .replace(method, '$1?: $2 => $3;')
    .replace(property, (_, indent: string, name: string, declared: string) => {
      const type = orUndefined(declared)
      const whole = isOpen.test(outside(type)) ? `(${type})` : type
      return `${indent}${name}${holdsUndefined.test(whole) ? whole : `${whole} | undefined`};`
    })
