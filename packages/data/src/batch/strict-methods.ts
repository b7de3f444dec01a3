// Methods that refuse what stands behind their arguments, which JavaScript would ignore: options of another library's
// pipelines, a second text.

import { requireKind } from '@cola/graph/door'
import type { Reads } from './further-arguments.ts'

/**
 * The methods, each of which throws a {ConfigError} for more than it takes. A number is let pass: `map` gives the index
 * of an element.
 * @typeParam Methods The methods by their names.
 * @param reads Whether they read pairs of texts, for what to do about a second one. @default 'texts'
 */
export function strictMethods<Methods extends Readonly<Record<string, (...given: never[]) => Promise<unknown>>>>(
  methods: Methods,
  reads: Reads = 'texts',
): Methods {
  requireKind('strictMethods, methods', methods, 'object')
  const strict = Object.entries(methods).map(([name, method]) => {
    const call = async (...given: never[]) => {
      const next: unknown = given[method.length]
      if (next !== undefined && typeof next !== 'number')
        (await import('./further-arguments.ts')).refuseFurther(name, next, reads)
      return method(...given)
    }
    return [name, call] as const
  })
  return Object.fromEntries(strict) as object as Methods
}
