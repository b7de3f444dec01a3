// Checks a decoder's file against its configuration before any weights are read.

import { cachesOf, getValue, type Graph } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import { linearLayers } from '../inject/linear.ts'
import { isDecoder } from './decoders.ts'

type Config = Readonly<Record<string, unknown>>

/** Fields of config.json, each of which may hold a number that a file's attention has too. */
const fields = {
  'number of heads': ['num_attention_heads', 'n_head', 'num_heads'],
  'number of heads of keys': ['num_key_value_heads', 'num_global_key_value_heads', 'num_kv_heads'],
  'size of a head': ['head_dim', 'global_head_dim'],
} as const

/** Types whose heads have a size that their configuration class sets, where config.json does not. */
const ownSize = /^(gemma|qwen3)/

const numbers = (config: Config, names: readonly string[]): number[] =>
  names.map((name) => config[name]).filter((value): value is number => typeof value === 'number')

/** The numbers that the configuration allows; none where it does not say. */
function allowed({ text_config, ...outer }: Config, what: Field): number[] {
  // Models of several kinds of inputs keep their decoder's fields apart.
  const config: Config = { ...(text_config as Config | undefined), ...outer }
  const own = numbers(config, fields[what])
  if (own.length > 0 || what === 'number of heads' || config.multi_query !== undefined) return own
  const heads = numbers(config, fields['number of heads'])
  if (what === 'number of heads of keys') return heads
  if (ownSize.test(String(config.model_type))) return []
  const [width] = numbers(config, ['hidden_size', 'n_embd'])
  return width === undefined ? [] : heads.map((count) => width / count)
}

type Field = keyof typeof fields

/** @throws {ConfigError} where a number is not one that config.json allows. */
function compare(where: string, what: string, expected: readonly number[], found: unknown): void {
  if (typeof found !== 'number' || expected.length === 0 || expected.includes(found)) return
  throw new ConfigError({
    where,
    what: `its ${what} is not that of config.json`,
    expected: expected.join(' or '),
    found: String(found),
    fix: 'Take the config.json that the file was exported with.',
  })
}

/**
 * Compares the heads of attention and of the cache with those of config.json.
 * @param decoded A graph as `decodeGraph` gives it.
 * @throws {ConfigError} naming the node or input whose heads are others.
 */
export function checkCache(decoded: Graph, config: Config, where: string): void {
  const check = (place: string, what: Field, found: unknown): void =>
    compare(`${where}, ${place}`, what, allowed(config, what), found)
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

/**
 * Compares the projections of queries and keys with the heads of config.json: a file may have neither a cache nor an
 * operator that names its heads.
 * @param graph With transformers' names.
 * @throws {ConfigError} naming the matrix that has another size.
 */
export function checkProjections(graph: Graph, config: Config & { model_type: string }, where: string): void {
  if (!isDecoder(config.model_type)) return
  const sizes = allowed(config, 'size of a head')
  const products = (what: Field): number[] =>
    allowed(config, what).flatMap((count) => sizes.map((size) => count * size))
  const widths = {
    q_proj: ['number of heads times their size', products('number of heads')],
    k_proj: ['number of heads of keys times their size', products('number of heads of keys')],
  } as const
  for (const { module, outFeatures } of linearLayers(graph)) {
    const [what, expected] = widths[module.split('.').at(-1) as keyof typeof widths] ?? []
    if (what) compare(`${where}, "${module}"`, what, expected, outFeatures)
  }
}
