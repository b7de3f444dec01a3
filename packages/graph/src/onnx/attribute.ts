// Reads and writes node attributes of ONNX files: a table with one row per attribute type.

import { GraphError, UnsupportedOperatorError } from '../errors.ts'
import type { Attribute, AttributeType, AttributeValues, Node } from '../ir/graph.ts'
import { isOperator, operators } from '../ops/index.ts'
import { isOfType } from '../ops/operator.ts'
import { bigInteger } from '../tensor/tensor.ts'
import { type AttributeProto, type Draft, AttributeType as ProtoType, type TensorProto } from './proto.ts'
import { readTensor, tensorProto } from './tensor.ts'

type Fields = Draft<Pick<AttributeProto, 'f' | 'i' | 's' | 't' | 'floats' | 'ints' | 'strings'>>

interface TypeRow<Value> {
  proto: number
  read: (attribute: AttributeProto, where: string) => Value
  write: (value: Value, name: string) => Fields
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const bytes = (value: string) => new TextEncoder().encode(value)

const int64 = (value: number): bigint => bigInteger(value, 63)

const rows: { readonly [Type in AttributeType]: TypeRow<AttributeValues[Type]> } = {
  int: { proto: ProtoType.INT, read: ({ i }) => Number(i), write: (value) => ({ i: int64(value) }) },
  float: { proto: ProtoType.FLOAT, read: ({ f }) => f, write: (value) => ({ f: value }) },
  string: { proto: ProtoType.STRING, read: ({ s }) => text(s), write: (value) => ({ s: bytes(value) }) },
  tensor: {
    proto: ProtoType.TENSOR,
    read: ({ t }, where) => readTensor(t as TensorProto, where),
    write: (value, name) => ({ t: tensorProto(name, value) }),
  },
  ints: { proto: ProtoType.INTS, read: ({ ints }) => ints.map(Number), write: (value) => ({ ints: value.map(int64) }) },
  floats: { proto: ProtoType.FLOATS, read: ({ floats }) => [...floats], write: (value) => ({ floats: [...value] }) },
  strings: {
    proto: ProtoType.STRINGS,
    read: ({ strings }) => strings.map(text),
    write: (value) => ({ strings: value.map(bytes) }),
  },
}

const byProto = new Map(Object.entries(rows).map(([type, { proto }]) => [proto, type as AttributeType]))
const graphs: readonly number[] = [ProtoType.GRAPH, ProtoType.GRAPHS]

/**
 * Type and value of a node's attribute.
 * @throws {UnsupportedOperatorError} for graphs (control flow) and types without a row in the table.
 */
export function readAttribute(
  attribute: AttributeProto,
  opType: string,
  where: string,
): { type: AttributeType; value: Attribute } {
  const type = byProto.get(attribute.type)
  if (type) return { type, value: rows[type].read(attribute, where) }
  const what = `attribute "${attribute.name}" of ${opType}`
  if (graphs.includes(attribute.type))
    throw new UnsupportedOperatorError({
      where,
      what: `${what} holds a graph: control flow is not supported`,
      fix: 'Export the model without If, Loop or Scan.',
    })
  throw new UnsupportedOperatorError({
    where,
    what: `${what} is of a type that is not supported`,
    found: Object.entries(ProtoType).find(([, number]) => number === attribute.type)?.[0] ?? String(attribute.type),
  })
}

/**
 * Encodes a node's attributes, with the types of the operator's row; without a row, with the node's `attributeTypes`.
 * @throws {GraphError} for an attribute of unknown type, or a value that does not have the type.
 */
export const attributeProtos = (node: Node): Draft<AttributeProto>[] =>
  Object.entries(node.attributes).map(([name, value]) => {
    const type = typeOf(node, name)
    const where = `${node.opType} "${node.name}"`
    if (!type)
      throw new GraphError({
        where,
        what: `the type of attribute "${name}" is unknown`,
        fix: 'Set it in attributeTypes.',
      })
    if (!isOfType(value, type))
      throw new GraphError({
        where,
        what: `attribute "${name}" is of another type`,
        expected: type,
        found: JSON.stringify(value),
      })
    const { proto, write } = rows[type] as TypeRow<Attribute>
    return { name, type: proto, ...write(value, name) }
  })

function typeOf({ opType, domain, attributeTypes }: Node, name: string): AttributeType | undefined {
  const row = isOperator(opType) && (operators[opType].domain ?? '') === domain ? operators[opType] : undefined
  return row && Object.hasOwn(row.attributes, name) ? row.attributes[name]?.[0] : attributeTypes?.[name]
}

/** The `attributeTypes` of a node that was read: types of the attributes that the operator table does not have. */
export function attributeTypesOf(
  node: Node,
  attributes: readonly (readonly [string, { type: AttributeType }])[],
): Pick<Node, 'attributeTypes'> {
  const types = attributes.filter(([name]) => !typeOf(node, name)).map(([name, { type }]) => [name, type] as const)
  return types.length ? { attributeTypes: Object.fromEntries(types) } : {}
}
