// The adapter methods, a row each, under PEFT's peft_type.

import { closestValue, show } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import { ia3 } from './ia3.ts'
import { lora } from './lora.ts'
import type { Method, MethodTypes, PeftType, TypesOfMethod } from './method.ts'
import { vera } from './vera.ts'

const methods: { readonly [M in PeftType]: Method<MethodTypes[M]> } = {
  LORA: lora,
  IA3: ia3,
  VERA: vera,
}

/** The method of a checked configuration; call its functions with that configuration only. */
export const methodOf = ({ peft_type }: { peft_type: PeftType }): Method<TypesOfMethod> =>
  methods[peft_type] as unknown as Method<TypesOfMethod>

/** Other methods of PEFT's whose names are close to those here. */
const othersOfPeft = /^(LOHA|PVERA|.+LORA)$/i

/**
 * The method that a configuration names; LoRA where it names none.
 * @throws {ConfigError} for one that is not in the table.
 */
export function readMethod(config: unknown, where: string): Method<TypesOfMethod> {
  const { peft_type = 'LORA' } = (config ?? {}) as { peft_type?: unknown }
  const asked = typeof peft_type === 'string' ? peft_type : ''
  if (Object.hasOwn(methods, asked)) return methodOf({ peft_type: asked as PeftType })
  const meant = othersOfPeft.test(asked) ? undefined : closestValue(peft_type, Object.keys(methods))
  throw new ConfigError({
    where: `${where}, field "peft_type"`,
    what: 'not known',
    expected: Object.keys(methods).join(', '),
    found: show(peft_type),
    fix: meant ?? 'Merge the adapter with PEFT, or train with another method.',
  })
}

/** Fields of other methods that this one lacks, with PEFT's classes that have them. */
export function fieldsOfOthers({ schema: { entries } }: Method<TypesOfMethod>): Map<string, string> {
  const fields = new Map<string, string>()
  for (const { configClass, schema } of Object.values(methods))
    for (const field of Object.keys(schema.entries))
      if (!Object.hasOwn(entries, field)) fields.set(field, [fields.get(field), configClass].filter(Boolean).join(', '))
  return fields
}

/** The module of an adapter's parameter, with PEFT's prefix; undefined for parameters that no method adds. */
export function adaptedModule(name: string): string | undefined {
  const starts = Object.values(methods).map(({ prefix }) => name.lastIndexOf(`.${prefix}`))
  const start = Math.max(...starts)
  return start < 0 ? undefined : name.slice(0, start)
}
