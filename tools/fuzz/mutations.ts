// Mutations of valid inputs that keep their structure, so that they come past the first check of a reader.

import type { Random } from '@cola/data'
import { concatenateChunks } from '@cola/graph'

/** Changes an input at random. */
export type Mutation = (input: Uint8Array, stream: Random) => Uint8Array

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const utf8 = (value: string) => new TextEncoder().encode(value)

const concat = (...parts: readonly ArrayLike<number>[]): Uint8Array =>
  concatenateChunks(parts.map((part) => Uint8Array.from(part)))

const oddBytes = [0, 1, 0x0a, 0x0d, 0x20, 0x22, 0x2c, 0x7f, 0x80, 0xc0, 0xfe, 0xff]
const oddNumbers = [0, -1, 1, 2, 0.5, -0.5, 255, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 1e300, -1e300]
const oddTexts = [
  '',
  ' ',
  '\0',
  '__proto__',
  'constructor',
  '..',
  '/',
  '\u{1f600}',
  '\ud800',
  '(a+)+$',
  '[',
  '{{ x',
  '\n',
]
/** Values in place of others. `{ $: name }` stands for what JSON lacks; {@link parseOdd} gives it. */
const oddValues = [
  null,
  true,
  false,
  [],
  {},
  ...oddNumbers,
  ...oddTexts,
  ...['NaN', 'Infinity', '-Infinity', 'undefined', 'bigint', 'symbol', 'function', 'date'].map(($) => ({ $ })),
]
const odd: Readonly<Record<string, unknown>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
  undefined: undefined,
  bigint: 3n,
  symbol: Symbol('odd'),
  function: () => 3,
  date: new Date(0),
}

/** A JSON value; undefined for what is no JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(text(bytes))
  } catch {
    return undefined
  }
}

/** {@link parseJson} with the values that JSON lacks. */
export const parseOdd = (bytes: Uint8Array): unknown => revived(parseJson(bytes))

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(revived)
  const { $ } = value as { $?: unknown }
  if (typeof $ === 'string' && Object.hasOwn(odd, $)) return odd[$]
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, revived(child)]))
}

/** One to four changes of bytes: other values, ranges left out, repeated, moved, an end that comes early. */
export const bytes: Mutation = (input, stream) => {
  let out = input
  for (let left = 1 + stream.integer(4); left > 0; left--) {
    const at = stream.integer(out.length + 1)
    const end = Math.min(out.length, at + 1 + stream.integer(stream.pick([4, 16, 256])))
    const [head, range, tail] = [out.subarray(0, at), out.subarray(at, end), out.subarray(end)]
    const changes: (() => Uint8Array)[] = [
      () => concat(head, [stream.pick(oddBytes)], out.subarray(at + 1)),
      () => concat(head, [(out[at] ?? 0) ^ (1 << stream.integer(8))], out.subarray(at + 1)),
      () => concat(head, new Uint8Array(BigInt64Array.of(BigInt(stream.pick([0, -1, 2 ** 31, 2 ** 53]))).buffer), tail),
      () => concat(head, tail),
      () => concat(head, range, range, tail),
      () => concat(tail, range, head),
      () => concat(head),
    ]
    out = stream.pick(changes)()
  }
  return out
}

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
type Parent = Record<string, Json>

/** Every place of a JSON value: the object or array, and the key. */
function places(value: Json, found: [Parent, string][] = []): [Parent, string][] {
  if (typeof value !== 'object' || value === null) return found
  for (const [key, child] of Object.entries(value)) {
    found.push([value as Parent, key])
    places(child, found)
  }
  return found
}

/** Sets a field of its own, `__proto__` too. */
const put = (parent: Parent, key: string, value: unknown) =>
  Object.defineProperty(parent, key, { value, writable: true, enumerable: true, configurable: true })

function mutateJson(root: { value: Json }, stream: Random): void {
  const all = places(root as unknown as Json)
  // Most places of a file lie in long lists; half of the time the place is one near the root.
  const near = all.slice(0, 60)
  const [parent, key] = stream.pick(stream.uniform() < 0.5 ? near : all)
  const [other, otherKey] = stream.pick(all)
  const value = parent[key] as Json
  const remove = () => {
    if (Array.isArray(parent)) parent.splice(Number(key), 1)
    else if (parent !== (root as unknown as Parent)) delete parent[key]
  }
  const changes: (() => void)[] = [
    () => put(parent, key, structuredClone(stream.pick(oddValues))),
    () => put(parent, key, structuredClone(other[otherKey])),
    () => put(parent, key, [value]),
    () => put(parent, key, { [stream.pick(oddTexts)]: value }),
    () => put(parent, stream.pick(['0', 'type', 'x', '__proto__']), structuredClone(value)),
    remove,
  ]
  if (typeof value === 'number')
    changes.push(
      () => put(parent, key, -value),
      () => put(parent, key, value + stream.pick([1, -1, 0.5, 1e6, 1e9])),
    )
  if (typeof value === 'string')
    changes.push(
      () => put(parent, key, value + stream.pick(oddTexts)),
      () => put(parent, key, value.repeat(value.length > 1000 ? 2 : stream.pick([0, 2, 1000]))),
    )
  stream.pick(changes)()
}

/** One to three changes of values, keys and places; one time in ten of the text. */
export const json: Mutation = (input, stream) => {
  if (stream.uniform() < 0.1) return bytes(input, stream)
  const root = { value: JSON.parse(text(input)) as Json }
  for (let left = 1 + stream.integer(3); left > 0; left--) mutateJson(root, stream)
  return utf8(JSON.stringify(root.value) ?? '')
}

/** The JSON of the header, whose length is put right; half of the time the bytes. */
export const safetensors: Mutation = (input, stream) => {
  if (stream.uniform() < 0.5) return bytes(input, stream)
  const length = Number(new DataView(input.buffer, input.byteOffset).getBigUint64(0, true))
  const header = json(input.subarray(8, 8 + length), stream)
  return concat(new Uint8Array(BigUint64Array.of(BigInt(header.length)).buffer), header, input.subarray(8 + length))
}

/** Cells, delimiters, quotes and line ends of a table in text. */
export const table: Mutation = (input, stream) => {
  const parts = text(input).split(/(?<=[\n,\t"{}:[\]])|(?=[\n,\t"{}:[\]])/)
  const pieces = ['"', '""', ',', '\t', '\n', '\r', '\r\n', '\0', '\ufeff', 'null', '[]', '{}', '-1', '1.5', ' ']
  for (let left = 1 + stream.integer(4); left > 0; left--)
    parts.splice(
      stream.integer(parts.length + 1),
      stream.integer(3),
      ...(stream.integer(4) ? [stream.pick(pieces)] : []),
    )
  return utf8(parts.join(''))
}

type Field = { tag: number; value: number | Uint8Array }

function varint(value: number): number[] {
  const out: number[] = []
  let rest = BigInt.asUintN(64, BigInt(Math.trunc(value)))
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128)
  return [...out, Number(rest)]
}

/** The fields of a message, or undefined for bytes that are none. */
function fieldsOf(message: Uint8Array): Field[] | undefined {
  let at = 0
  const read = () => {
    let value = 0
    for (let scale = 1; at < message.length; scale *= 128) {
      const byte = message[at++] as number
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    return Number.NaN
  }
  const fields: Field[] = []
  while (at < message.length) {
    const tag = read()
    const size = [0, 8, read, undefined, undefined, 4][tag & 7]
    if (!(tag > 7) || size === undefined) return undefined
    const length = typeof size === 'function' ? size() : size
    if ((tag & 7) === 0) {
      const value = read()
      if (Number.isNaN(value)) return undefined
      fields.push({ tag, value })
    } else {
      if (!(at + length <= message.length)) return undefined
      fields.push({ tag, value: message.subarray(at, at + length) })
      at += length
    }
  }
  return fields
}

const encodeField = ({ tag, value }: Field): ArrayLike<number>[] =>
  typeof value === 'number'
    ? [varint(tag), varint(value)]
    : [varint(tag), (tag & 7) === 2 ? varint(value.length) : [], value]

/** A field of a protobuf message, at any depth: changed, left out, repeated, renumbered; lengths are put right. */
export const protobuf: Mutation = (input, stream) => {
  const fields = stream.uniform() < 0.1 ? undefined : fieldsOf(input)
  if (!fields?.length) return bytes(input, stream)
  const at = stream.integer(fields.length)
  const { tag, value } = fields[at] as Field
  const deeper = value instanceof Uint8Array && (tag & 7) === 2 && value.length > 0 && stream.uniform() < 0.8
  const changes: (() => Field[])[] = [
    () => [],
    () => [
      { tag, value },
      { tag, value },
    ],
    () => [{ tag: ((1 + stream.integer(20)) << 3) | (tag & 7), value }],
    () => [{ tag, value: value instanceof Uint8Array ? bytes(value, stream) : stream.pick(oddNumbers) }],
    () => [fields[stream.integer(fields.length)] as Field],
  ]
  const changed = deeper ? [{ tag, value: protobuf(value, stream) }] : stream.pick(changes)()
  return concat(...fields.toSpliced(at, 1, ...changed).flatMap(encodeField))
}
