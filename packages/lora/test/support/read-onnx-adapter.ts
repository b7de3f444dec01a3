// Reads ONNX Runtime's adapter files by onnxruntime/lora/adapter_format/adapter_schema.fbs, apart from what writes them.

import { ByteBuffer } from 'flatbuffers'

export interface AdapterParameter {
  readonly shape: readonly number[]
  readonly values: readonly number[]
}

/** The place of a table's field, by its position in the schema; undefined where the table has none. */
function fieldOf(buffer: ByteBuffer, table: number, position: number): number | undefined {
  const offset = buffer.__offset(table, 4 + 2 * position)
  return offset === 0 ? undefined : table + offset
}

const required = (place: number | undefined): number => {
  if (place === undefined) throw new Error('a field is missing')
  return place
}

/** Version of the format, and the parameters by name; each is float32, whose data begins at a multiple of 8 bytes. */
export function readOnnxAdapter(bytes: Uint8Array): { version: number; parameters: Record<string, AdapterParameter> } {
  const buffer = new ByteBuffer(bytes)
  if (!buffer.__has_identifier('TORT')) throw new Error('not a file of adapters')
  const root = buffer.readInt32(0)
  const field = (table: number, position: number) => required(fieldOf(buffer, table, position))
  const list = field(root, 3)
  const parameters = Array.from({ length: buffer.__vector_len(list) }, (_, i) => {
    const table = buffer.__indirect(buffer.__vector(list) + 4 * i)
    const [dims, type, raw] = [field(table, 1), buffer.readInt32(field(table, 2)), field(table, 3)]
    const start = buffer.__vector(raw)
    if (type !== 1 || start % 8 !== 0) throw new Error(`type ${type}, data at ${start}`)
    const axes = buffer.__vector(dims)
    const shape = Array.from({ length: buffer.__vector_len(dims) }, (_, axis) =>
      Number(buffer.readInt64(axes + 8 * axis)),
    )
    const data = bytes.slice(start, start + buffer.__vector_len(raw))
    return [buffer.__string(field(table, 0)) as string, { shape, values: [...new Float32Array(data.buffer)] }] as const
  })
  return { version: buffer.readInt32(field(root, 0)), parameters: Object.fromEntries(parameters) }
}
