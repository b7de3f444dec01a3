// Checks a decoder's file against its configuration before any weights are read.

import { cachesOf, getValue, type Graph } from '@cola/graph'
import { ConfigError } from '../errors.ts'

type Config = Readonly<Record<string, unknown>>

/** Fields of config.json, each of which may hold a number that a file's attention has too. */
const fields = {
  'number of heads': ['num_attention_heads', 'n_head', 'num_heads'],
  'number of heads of keys': ['num_key_value_heads', 'num_global_key_value_heads', 'num_kv_heads'],
  'size of a head': ['head_dim', 'global_head_dim'],
} as const

const numbers = (config: Config, names: readonly string[]): number[] =>
  names.map((name) => config[name]).filter((value): value is number => typeof value === 'number')

/** The numbers that the configuration allows; none where it does not say. */
function allowed(config: Config, what: keyof typeof fields): number[] {
  const own = numbers(config, fields[what])
  if (own.length > 0 || what === 'number of heads' || config.multi_query !== undefined) return own
  const heads = numbers(config, fields['number of heads'])
  if (what === 'number of heads of keys') return heads
  const [width] = numbers(config, ['hidden_size', 'n_embd'])
  return width === undefined ? [] : heads.map((count) => width / count)
}

/**
 * Compares the heads of attention and of the cache with those of config.json.
 * @param decoded A graph as `decodeGraph` gives it.
 * @throws {ConfigError} naming the node or input whose heads are others.
 */
export function checkCache(decoded: Graph, config: Config, where: string): void {
  const check = (place: string, what: keyof typeof fields, found: unknown): void => {
    const expected = allowed(config, what)
    if (typeof found !== 'number' || expected.length === 0 || expected.includes(found)) return
    throw new ConfigError({
      where: `${where}, ${place}`,
      what: `its ${what} is not that of config.json`,
      expected: expected.join(' or '),
      found: String(found),
      fix: 'Take the config.json that the file was exported with.',
    })
  }
  for (const { name, opType, attributes } of decoded.nodes) {
    if (opType !== 'GroupQueryAttention') continue
    check(`node "${name}"`, 'number of heads', attributes.num_heads)
    check(`node "${name}"`, 'number of heads of keys', attributes.kv_num_heads)
  }
  for (const name of cachesOf(decoded)) {
    const { shape } = getValue(decoded, name)
    if (shape.length !== 4) continue
    const [, heads, , size] = shape
    check(`input "${name}"`, 'number of heads of keys', heads)
    check(`input "${name}"`, 'size of a head', size)
  }
}
