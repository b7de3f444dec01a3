// Protobuf's wire format: a message is a table of its fields (https://protobuf.dev/programming-guides/encoding).

/** Wire types: 0 is a varint, 1 eight bytes, 2 a length and as many bytes, 5 four bytes. */
type Wire = 0 | 1 | 2 | 5

/** How values of a type are read and written. */
interface Type<Value> {
  readonly wire: Wire
  read(from: Reader): Value
  write(value: Value, to: Writer): void
}

/** A type whose fields have a value where a message holds none. */
interface Scalar<Value> extends Type<Value> {
  readonly empty: Value
}

/** A part of some bytes that is read from its beginning to its end. */
class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number
  readonly #end: number

  constructor(bytes: Uint8Array, begin = 0, end = bytes.length) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, end)
    this.#at = begin
    this.#end = end
  }

  get done(): boolean {
    return this.#at >= this.#end
  }

  /** Goes on by a number of bytes. @returns Where they begin. @throws {RangeError} where there are fewer. */
  #skip(length: number): number {
    const begin = this.#at
    if (length > this.#end - begin) throw new RangeError('the message is cut off')
    this.#at += length
    return begin
  }

  varint(): bigint {
    // Most have fewer than 29 bits, and need no big integers.
    let low = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[this.#skip(1)] as number
      low |= (byte & 127) << shift
      if (byte < 128) return BigInt(low)
    }
    let value = BigInt(low)
    for (let shift = 28n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#skip(1)] as number
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return BigInt.asUintN(64, value)
    }
    throw new RangeError('a varint of more than ten bytes')
  }

  float = (): number => this.#view.getFloat32(this.#skip(4), true)
  double = (): number => this.#view.getFloat64(this.#skip(8), true)

  /** A view of as many bytes as a length says. */
  bytes(): Uint8Array {
    const length = Number(this.varint())
    const begin = this.#skip(length)
    return this.#bytes.subarray(begin, begin + length)
  }

  message(): Reader {
    const length = Number(this.varint())
    const begin = this.#skip(length)
    return new Reader(this.#bytes, begin, begin + length)
  }

  /** Goes over a value. @throws {RangeError} for a wire type that protobuf does not have. */
  over(wire: number): void {
    if (wire === 0) this.varint()
    else if (wire === 2) this.bytes()
    else if (wire === 1 || wire === 5) this.#skip(wire === 1 ? 8 : 4)
    else throw new RangeError(`wire type ${wire}`)
  }
}

/** Bytes of a value from which on it is a part of its own, which is copied once. */
const large = 4096
const blockSize = 1 << 16

/** Writes from the end to the beginning: a message's length stands before it, and is known after it. */
class Writer {
  readonly #parts: Uint8Array[] = []
  #block = new Uint8Array(blockSize)
  /** First byte of the block that is written. */
  #at = blockSize
  length = 0

  /** Makes room for some bytes before those that are written. @returns Where they begin in the block. */
  #room(size: number): number {
    if (size > this.#at) {
      this.#close()
      this.#block = new Uint8Array(blockSize)
      this.#at = blockSize
    }
    this.#at -= size
    this.length += size
    return this.#at
  }

  #close(): void {
    this.#parts.push(this.#block.subarray(this.#at))
    this.#block = this.#block.subarray(0, this.#at)
  }

  varint(value: bigint | number): void {
    const encoded: number[] = []
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 127n; rest >>= 7n) encoded.push(Number(rest & 127n) | 128)
    encoded.push(Number(rest))
    const at = this.#room(encoded.length)
    this.#block.set(encoded, at)
  }

  float(value: number): void {
    const at = this.#room(4)
    new DataView(this.#block.buffer).setFloat32(at, value, true)
  }

  double(value: number): void {
    const at = this.#room(8)
    new DataView(this.#block.buffer).setFloat64(at, value, true)
  }

  bytes(value: Uint8Array): void {
    if (value.length < large) {
      const at = this.#room(value.length)
      this.#block.set(value, at)
    } else {
      this.#close()
      this.#parts.push(value)
      this.length += value.length
    }
    this.varint(value.length)
  }

  finish(): Uint8Array {
    this.#close()
    const all = new Uint8Array(this.length)
    let at = 0
    for (const part of this.#parts.reverse()) {
      all.set(part, at)
      at += part.length
    }
    return all
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Also protobuf's enums. */
export const int32: Scalar<number> = {
  wire: 0,
  empty: 0,
  read: (from) => Number(BigInt.asIntN(32, from.varint())),
  write: (value, to) => to.varint(value),
}
export const int64: Scalar<bigint> = {
  wire: 0,
  empty: 0n,
  read: (from) => BigInt.asIntN(64, from.varint()),
  write: (value, to) => to.varint(value),
}
export const uint64: Scalar<bigint> = { ...int64, read: (from) => from.varint() }
export const float: Scalar<number> = {
  wire: 5,
  empty: 0,
  read: (from) => from.float(),
  write: (value, to) => to.float(value),
}
export const double: Scalar<number> = {
  wire: 1,
  empty: 0,
  read: (from) => from.double(),
  write: (value, to) => to.double(value),
}
export const bytes: Scalar<Uint8Array> = {
  wire: 2,
  empty: new Uint8Array(0),
  read: (from) => from.bytes(),
  write: (value, to) => to.bytes(value),
}
export const string: Scalar<string> = {
  wire: 2,
  empty: '',
  read: (from) => decoder.decode(from.bytes()),
  write: (value, to) => to.bytes(encoder.encode(value)),
}

/** A field of a message: its number, its type, and the value of a message that does not hold it. */
interface Field<Value> {
  readonly number: number
  readonly type: Type<unknown>
  readonly list: boolean
  readonly initial: () => Value
}

/** A field with one value. */
export const one = <Value>(number: number, type: Scalar<Value>): Field<Value> => ({
  number,
  type,
  list: false,
  initial: () => type.empty,
})

/** A field that a message may lack: a message, or one of several of which a message holds one. */
export const maybe = <Value>(number: number, type: Type<Value>): Field<Value | undefined> => ({
  number,
  type,
  list: false,
  initial: () => undefined,
})

/** A field with any number of values. */
export const many = <Value>(number: number, type: Type<Value>): Field<Value[]> => ({
  number,
  type,
  list: true,
  initial: () => [],
})

type Fields = Readonly<Record<string, Field<unknown>>>

/** What a message of some fields is when it is read. */
type Decoded<Table extends Fields> = { [Name in keyof Table]: ReturnType<Table[Name]['initial']> }

/** What is written of a message: fields that are left out are not. */
export type Draft<Value> = Value extends Uint8Array
  ? Value
  : Value extends readonly (infer Item)[]
    ? readonly Draft<Item>[]
    : Value extends object
      ? { readonly [Name in keyof Value]?: Draft<Value[Name]> }
      : Value

/** A message type. */
export interface Message<Value> extends Type<Value> {
  /** @throws {RangeError} for bytes that are no message of this type. */
  decode(bytes: Uint8Array): Value
  encode(value: Draft<Value>): Uint8Array
}

/** The message type of some fields; others are passed over. */
export function message<Table extends Fields>(table: Table): Message<Decoded<Table>> {
  type Value = Decoded<Table>
  const rows = Object.entries(table).sort(([, a], [, b]) => b.number - a.number)
  const byNumber = new Map(rows.map(([name, row]) => [row.number, { name, ...row }]))
  const read = (from: Reader): Value => {
    const value: Record<string, unknown> = {}
    for (const [name, { initial }] of rows) value[name] = initial()
    while (!from.done) {
      const tag = Number(from.varint())
      const [number, wire] = [Math.floor(tag / 8), tag % 8]
      const field = byNumber.get(number)
      if (!field) from.over(wire)
      else if (field.list) readItems(field.type, wire, from, value[field.name] as unknown[])
      else value[field.name] = readItem(field.type, wire, from)
    }
    return value as Value
  }
  const write = (value: Readonly<Record<string, unknown>>, to: Writer): void => {
    for (const [name, { number, type, list }] of rows) {
      const held = value[name]
      const items = list ? ((held ?? []) as readonly unknown[]).toReversed() : [held]
      for (const item of items) {
        if (item === undefined) continue
        type.write(item, to)
        to.varint(8 * number + type.wire)
      }
    }
  }
  return {
    wire: 2,
    read: (from) => read(from.message()),
    write: (value, to) => {
      const before = to.length
      write(value, to)
      to.varint(to.length - before)
    },
    decode: (all) => read(new Reader(all)),
    encode: (value) => {
      const to = new Writer()
      write(value as Readonly<Record<string, unknown>>, to)
      return to.finish()
    },
  }
}

function readItem(type: Type<unknown>, wire: number, from: Reader): unknown {
  if (wire !== type.wire) throw new RangeError(`wire type ${wire} instead of ${type.wire}`)
  return type.read(from)
}

/** Reads an item, or a packed list of items that are no bytes themselves. */
function readItems(type: Type<unknown>, wire: number, from: Reader, items: unknown[]): void {
  if (wire !== 2 || type.wire === 2) {
    items.push(readItem(type, wire, from))
    return
  }
  const packed = from.message()
  while (!packed.done) items.push(type.read(packed))
}
