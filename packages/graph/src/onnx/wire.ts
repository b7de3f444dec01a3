// Protobuf messages as tables of their fields, on the library's wire format
// (https://protobuf.dev/programming-guides/encoding).

import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire'

/** How values of a type are read and written. */
interface Type<Value> {
  readonly wire: WireType
  read(from: BinaryReader): Value
  write(value: Value, to: BinaryWriter): void
}

/** A type whose fields have a value where a message holds none. */
interface Scalar<Value> extends Type<Value> {
  readonly empty: Value
}

/** Also protobuf's enums. */
export const int32: Scalar<number> = {
  wire: WireType.Varint,
  empty: 0,
  read: (from) => from.int32(),
  write: (value, to) => to.int32(value),
}
export const int64: Scalar<bigint> = {
  wire: WireType.Varint,
  empty: 0n,
  read: (from) => BigInt(from.int64()),
  write: (value, to) => to.int64(value),
}
export const uint64: Scalar<bigint> = {
  wire: WireType.Varint,
  empty: 0n,
  read: (from) => BigInt(from.uint64()),
  write: (value, to) => to.uint64(value),
}
export const float: Scalar<number> = {
  wire: WireType.Bit32,
  empty: 0,
  read: (from) => from.float(),
  write: (value, to) => to.float(value),
}
export const double: Scalar<number> = {
  wire: WireType.Bit64,
  empty: 0,
  read: (from) => from.double(),
  write: (value, to) => to.double(value),
}
export const bytes: Scalar<Uint8Array> = {
  wire: WireType.LengthDelimited,
  empty: new Uint8Array(0),
  read: (from) => from.bytes(),
  write: (value, to) => to.bytes(value),
}
export const string: Scalar<string> = {
  wire: WireType.LengthDelimited,
  empty: '',
  read: (from) => from.string(),
  write: (value, to) => to.string(value),
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
  /** @throws {Error} for bytes that are no message of this type. */
  decode(bytes: Uint8Array): Value
  encode(value: Draft<Value>): Uint8Array
}

/** The message type of some fields; others are passed over. */
export function message<Table extends Fields>(table: Table): Message<Decoded<Table>> {
  type Value = Decoded<Table>
  const rows = Object.entries(table)
  const byNumber = new Map(rows.map(([name, row]) => [row.number, { name, ...row }]))
  const read = (from: BinaryReader, length: number): Value => {
    const value: Record<string, unknown> = {}
    for (const [name, { initial }] of rows) value[name] = initial()
    within(from, length, () => {
      const [number, wire] = from.tag()
      const field = byNumber.get(number)
      if (!field) from.skip(wire, number)
      else if (field.list) readItems(field.type, wire, from, value[field.name] as unknown[])
      else value[field.name] = readItem(field.type, wire, from)
    })
    return value as Value
  }
  const write = (value: Readonly<Record<string, unknown>>, to: BinaryWriter): void => {
    for (const [name, { number, type, list }] of rows) {
      const held = value[name]
      for (const item of list ? ((held ?? []) as readonly unknown[]) : [held]) {
        if (item !== undefined) type.write(item, to.tag(number, type.wire))
      }
    }
  }
  return {
    wire: WireType.LengthDelimited,
    read: (from) => read(from, from.uint32()),
    write: (value, to) => {
      write(value, to.fork())
      to.join()
    },
    decode: (all) => read(new BinaryReader(all), all.length),
    encode: (value) => {
      const to = new BinaryWriter()
      write(value as Readonly<Record<string, unknown>>, to)
      return to.finish()
    },
  }
}

/** Reads what some bytes hold, one after the other. @throws {RangeError} when the last does not end where they do. */
function within(from: BinaryReader, length: number, readOne: () => void): void {
  const end = from.pos + length
  if (end > from.len) throw new RangeError(`${length} bytes at ${from.pos} of ${from.len}`)
  while (from.pos < end) readOne()
  if (from.pos > end) throw new RangeError(`the bytes before ${end} end at ${from.pos}`)
}

function readItem(type: Type<unknown>, wire: number, from: BinaryReader): unknown {
  if (wire !== type.wire) throw new RangeError(`wire type ${wire} instead of ${type.wire}`)
  return type.read(from)
}

/** Reads an item, or a packed list of items that are no bytes themselves. */
function readItems(type: Type<unknown>, wire: number, from: BinaryReader, items: unknown[]): void {
  if (wire !== WireType.LengthDelimited || type.wire === WireType.LengthDelimited)
    items.push(readItem(type, wire, from))
  else within(from, from.uint32(), () => items.push(type.read(from)))
}
