// An adapter's names in another task: those of transformers' class for it, which PEFT gives the adapter to. A classifier
// has the bare model as a module, `bert.encoder`, where an embedding is the bare model, `encoder`.

import type { Graph } from '@cola/graph'
import type { Adapter } from '../adapter/files.ts'
import { omittedIn } from '../adapter/names.ts'
import { omittedFor, withoutPrefix } from '../inject/with-adapter.ts'
import { isAllLinear } from '../methods/patterns.ts'
import { peftPrefix } from '../methods/target.ts'

/**
 * The adapter under the names that a new one for its task has.
 * @param stays Whether a tensor is of no module of the bare model, such as a head.
 */
export function namedForTask(adapter: Adapter, graph: Graph, stays: (file: string) => boolean): Adapter {
  const { config, tensors } = adapter
  const [lacking, wanted] = [omittedIn(tensors.keys(), graph), omittedFor(config.task_type, graph)]
  if (lacking === wanted || (lacking !== '' && wanted !== '')) return adapter
  const rename = (name: string) => (wanted === '' ? lacking + name : withoutPrefix(name, wanted))
  const renamed = [...tensors].map(([file, value]) => {
    const isModule = file.startsWith(peftPrefix) && !stays(file)
    return [isModule ? peftPrefix + rename(file.slice(peftPrefix.length)) : file, value] as const
  })
  const fields = wanted === '' ? withPatternsBehind(lacking, config) : withoutPrefixes(wanted, config)
  return { ...adapter, config: { ...config, ...fields } as Adapter['config'], tensors: new Map(renamed) }
}

/** The fields of modules that are a pattern of whole names. Names match by their ends, with a prefix or without. */
const patternFields = ['target_modules', 'exclude_modules'] as const

const escaped = (prefix: string): string => prefix.replaceAll('.', '\\.')

function withPatternsBehind(prefix: string, config: Adapter['config']): object {
  const patterns = patternFields.flatMap((field) => {
    const pattern = config[field]
    return typeof pattern === 'string' && !isAllLinear(pattern) ? [[field, pattern] as const] : []
  })
  return Object.fromEntries(patterns.map(([field, pattern]) => [field, `(?:${escaped(prefix)})?(?:${pattern})`]))
}

/** The fields that name modules, without a prefix: lists, the keys of objects, and patterns. */
function withoutPrefixes(prefix: string, config: Adapter['config']): object {
  const without = (name: unknown): unknown =>
    typeof name === 'string' ? withoutPrefix(withoutPrefix(name, escaped(prefix)), prefix) : name
  const change = ([field, value]: [string, unknown]): unknown => {
    if (Array.isArray(value)) return value.map(without)
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([name, of]) => [without(name), of]))
    return patternFields.includes(field as 'target_modules') ? without(value) : value
  }
  return Object.fromEntries(Object.entries(config).map((entry) => [entry[0], change(entry)]))
}
