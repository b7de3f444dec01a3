// Encodes loops as a module of WebAssembly that computes four elements at a time, in a memory with room for a part of
// each array. W3C, WebAssembly Core Specification 2.0, chapter 5: Binary Format.

import type { Loop, Operand } from './loops.ts'

/** Number of elements of each array that the memory holds: few enough for a processor's cache. */
export const partSize = 2 ** 13

/** Bytes of four elements. */
const group = 16

/** Address of the part of a loop's array. The sums of squares lie before the first, in four lanes. */
export const addressOf = (array: number): number => (array + 1) * 4 * partSize

/** Size of the memory in pages of 64 KiB. */
export const pagesOf = (loops: readonly Loop[]): number =>
  Math.ceil(addressOf(Math.max(0, ...loops.map(({ arrays }) => arrays.length))) / 2 ** 16)

/** The module of some loops. It imports `env.memory`. */
export interface LoopModule {
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The export that computes each loop: a function of the bytes to compute, and of the loop's numbers. */
  readonly functions: readonly string[]
}

/** Encodes loops. Those that differ in their arrays and numbers only share a function. */
export function encodeLoops(loops: readonly Loop[]): LoopModule {
  const kept = new Map<string, { name: string; type: number[]; body: number[] }>()
  const functions = loops.map((loop) => {
    const [type, body] = [typeOf(loop), bodyOf(loop)]
    const key = `${type} ${body}`
    const { name } = kept.get(key) ?? { name: `loop${kept.size}` }
    kept.set(key, { name, type, body })
    return name
  })
  const all = [...kept.values()]
  const bytes = [
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(
      1,
      all.map(({ type }) => type),
    ),
    section(2, [[...text('env'), ...text('memory'), 2, 0, ...unsigned(pagesOf(loops))]]),
    section(
      3,
      all.map((_, i) => unsigned(i)),
    ),
    section(
      7,
      all.map(({ name }, i) => [...text(name), 0, ...unsigned(i)]),
    ),
    section(
      10,
      all.map(({ body }) => sized(body)),
    ),
  ].flat()
  return { bytes: Uint8Array.from(bytes), functions }
}

/** LEB128. */
const unsigned = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...unsigned(Math.floor(value / 128))]

const sized = (bytes: readonly number[]): number[] => [...unsigned(bytes.length), ...bytes]
const text = (value: string): number[] => sized([...value].map((letter) => letter.charCodeAt(0)))
const vector = (items: readonly (readonly number[])[]): number[] => [...unsigned(items.length), ...items.flat()]
const section = (id: number, items: readonly (readonly number[])[]): number[] => [id, ...sized(vector(items))]

const [i32, f32, v128] = [0x7f, 0x7d, 0x7b] as const
const get = (local: number): number[] => [0x20, ...unsigned(local)]
const set = (local: number): number[] => [0x21, ...unsigned(local)]
const simd = (opcode: number): number[] => [0xfd, ...unsigned(opcode)]
/** At an address on the stack plus `offset`, a multiple of 2^4. */
const load = (offset: number): number[] => [...simd(0x00), 4, ...unsigned(offset)]
const store = (offset: number): number[] => [...simd(0x0b), 4, ...unsigned(offset)]
const [splat, add, multiply] = [simd(0x13), simd(0xe4), simd(0xe6)] as const

const typeOf = ({ numbers }: Loop): number[] => [0x60, ...vector([[i32], ...numbers.map(() => [f32])]), 0]

/** The function `(end, ...numbers)`: its locals, and its instructions. */
function bodyOf({ arrays, numbers, instructions, stores, sum }: Loop): number[] {
  const index = 1 + numbers.length
  const first = {
    number: index + 1,
    array: index + 1 + numbers.length,
    result: index + 1 + numbers.length + arrays.length,
  }
  const total = first.result + instructions.length
  const local = ({ kind, index }: Operand): number => first[kind] + index
  const code = [
    numbers.map((_, i) => [...get(1 + i), ...splat, ...set(first.number + i)]),
    [0x03, 0x40],
    arrays.map((_, i) => [...get(index), ...load(addressOf(i)), ...set(first.array + i)]),
    instructions.map(({ operator, operands }, i) => [
      ...operands.flatMap((operand) => get(local(operand))),
      ...(operator.opcode === undefined ? [] : simd(operator.opcode)),
      ...set(first.result + i),
    ]),
    stores.map(({ array, value }) => [...get(index), ...get(local(value)), ...store(addressOf(array))]),
    sum ? [...get(total), ...get(local(sum.value)), ...get(local(sum.value)), ...multiply, ...add, ...set(total)] : [],
    // index += 16, while index < end.
    [...get(index), 0x41, group, 0x6a, 0x22, ...unsigned(index), ...get(0), 0x49, 0x0d, 0, 0x0b],
    sum ? [0x41, 0, ...get(total), ...store(0)] : [],
    [0x0b],
  ]
  const locals = [
    [1, i32],
    [...unsigned(total - index), v128],
  ]
  return [...vector(locals), ...code.flat(2)]
}
