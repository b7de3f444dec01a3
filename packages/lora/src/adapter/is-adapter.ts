// What an adapter is; and what is open already and given in its place, or in place of files.

import { type Check, checkValue } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import { methodOf } from '../methods/methods.ts'
import type { Adapter } from './files.ts'

/** Check of an adapter. */
export const isAdapter: Check = [
  'what readAdapter or openAdapter gives',
  (value) => {
    const { config, tensors } = (value ?? {}) as Partial<Adapter>
    return tensors instanceof Map && Boolean(config && methodOf(config))
  },
]

/** What something is that is open, and what to give. */
interface Opened {
  readonly what: string
  readonly fix: string
}

/** By a field that it has: the first counts. */
const others: Readonly<Record<string, Opened>> = {
  adapted: {
    what: 'a fine-tuned model',
    fix: 'Save it first: await tuned.save(folder), where folder may be a memorySink().',
  },
  deleteAdapter: { what: 'a generator', fix: 'Give what it was opened from.' },
  tokenizer: { what: 'an open base', fix: 'A base comes first, and adapters after it.' },
  graph: {
    what: 'a model with its graph',
    fix: 'Write its adapter first: writeAdapter(folder, model), where folder may be a memorySink().',
  },
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Object.prototype.toString.call(value) === '[object Object]'

/** What is open and no adapter, a part of one too; nothing where that is not known. */
function inPlaceOfAdapter(value: unknown): Opened | undefined {
  if (!isPlain(value) || isAdapter[1](value)) return undefined
  const name = Object.keys(others).find((field) => field in value)
  if (name) return others[name]
  const missing = value.tensors instanceof Map ? 'config' : isPlain(value.config) ? 'tensors' : undefined
  const fix = 'Give what openAdapter gives, whole, or what it reads.'
  return missing ? { what: `an adapter that lacks ${missing}`, fix } : undefined
}

const refuse = (where: string, opened: Opened, expected: string): never => {
  throw new ConfigError({ where, ...opened, expected })
}

/** @throws {ConfigError} for what is no adapter, with what to do about what is open. */
export function requireAdapter(where: string, value: unknown): void {
  const found = inPlaceOfAdapter(value)
  if (found) refuse(where, found, isAdapter[0])
  checkValue(where, value, isAdapter)
}

/** @throws {ConfigError} for what is open where files are wanted. */
export function requireFiles(where: string, value: unknown): void {
  const adapter = { what: 'an adapter that is open', fix: 'Give what it was opened from.' }
  const found = isAdapter[1](value) ? adapter : inPlaceOfAdapter(value)
  if (found) refuse(where, found, 'a folder, a name on the hub, an address or files')
}
