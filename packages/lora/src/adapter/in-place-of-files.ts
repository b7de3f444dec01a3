// What is open and given in place of the files that it is read from: what it is, and what to give. Loaded for it.

import { ConfigError } from '../errors.ts'
import { isAdapter } from './is-adapter.ts'

/** What something is that is open, and what to give. */
interface Opened {
  readonly what: string
  readonly fix: string
}

const source = 'Give what it was opened from.'

/** By a field that it has: the first counts. */
const others: Readonly<Record<string, Opened>> = {
  adapted: {
    what: 'a fine-tuned model',
    fix: 'Save it first: await tuned.save(folder), where folder may be a memorySink().',
  },
  deleteAdapter: { what: 'a generator', fix: source },
  tokenizer: { what: 'an open base', fix: 'A base comes first, and adapters after it.' },
  graph: {
    what: 'a model with its graph',
    fix: 'Write its adapter first: writeAdapter(folder, model), where folder may be a memorySink().',
  },
}

const goOn =
  "Save it first: await tuned.save('out/x'). To go on from a fine-tuned model: fineTune(base, { adapter: 'out/x' })."

const isPlain = (value: unknown): boolean => Object.prototype.toString.call(value) === '[object Object]'

/** Bytes may have any name. */
function openedIn(value: Readonly<Record<string, unknown>>): Opened | undefined {
  if (isAdapter[1](value)) return { what: 'an adapter that is open', fix: source }
  const name = Object.keys(others).find((field) => field in value && !(value[field] instanceof Uint8Array))
  if (name) return others[name]
  const missing = value.tensors instanceof Map ? 'config' : isPlain(value.config) ? 'tensors' : undefined
  return missing
    ? { what: `an adapter that lacks ${missing}`, fix: 'Give what openAdapter gives, whole, or what it reads.' }
    : undefined
}

/** @throws {ConfigError} for what is open. */
export function refuseOpen(where: string, value: object): void {
  const found = openedIn(value as Readonly<Record<string, unknown>>)
  const opened = found && where === 'openBase' && 'adapted' in value ? { ...found, fix: goOn } : found
  if (opened) throw new ConfigError({ where, ...opened, expected: 'a folder, a name on the hub, an address or files' })
}
