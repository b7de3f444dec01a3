// Opens a decoder with a cache for generation: finds its cache, and lets it compute the logits of last tokens only.

import { cachesOf, formatValue, getValue, type Graph, packMatrices, statesOf } from '@cola/graph'
import { computesInPlace, type Device, keepsTensors, openResolved, type OrtTensors } from '@cola/train'
import { ConfigError } from '../errors.ts'
import { type CachedDecoder, cachedLogits, isGridInput } from './cached-logits.ts'
import type { NextTokenModel } from './generate-tokens.ts'
import { eachAlone } from './each-alone.ts'
import { atLastTokens } from './last-tokens.ts'
import { withCaches } from './row-cache.ts'
import { rowLogits, takesRows } from './row-logits.ts'
import { withRowStates } from './row-states.ts'
import { withTopTokens } from './top-tokens.ts'

/** A decoder that is open. */
export interface Decoder {
  /** Logits for the texts of one call of `generate`. @param others Feeds of further inputs. */
  readonly start: (others: OrtTensors) => Pick<NextTokenModel, 'logits' | 'joins' | 'end'>
  readonly release: () => Promise<void>
}

/** How products are computed. */
export interface DecoderOptions {
  /**
   * How products with matrices in 4 or 8 bits are computed: 0 in float32; 4 rounds what is multiplied to 8 bits as well,
   * block by block, as the files of onnxruntime-genai ask for: half the time for one text. @default 0
   */
  accuracy_level?: (typeof accuracyLevels)[number]
}

export const accuracyLevels = [0, 4] as const

/**
 * Opens a session.
 * @param others Names of inputs that `start` is given, those of an adapter.
 * @throws {ConfigError} for a model without a cache, and for inputs that a text does not give.
 * @throws {DeviceError} when the device is not available.
 */
export async function openDecoder(
  original: Graph,
  device: Device,
  others: readonly string[],
  { accuracy_level = 0 }: DecoderOptions = {},
): Promise<Decoder> {
  const presents = presentsOf(original)
  requireInputs(original, [...presents.keys(), ...others])
  const resident = [...presents.values()]
  // Others are padded on the left, and a convolution reads the padding.
  const compact = original.nodes.some(({ opType }) => opType === 'GroupQueryAttention')
  const ofRows = compact ? withRowStates(original, presents) : undefined
  const { graph: plain, lastToken, logits } = atLastTokens(ofRows?.graph ?? original, resident)
  const graph = packMatrices(plain, { accuracyLevel: accuracy_level })
  const takes = takesRows(graph, [lastToken, ...presents.keys(), ...others])
  // Weights are multiplied at every token: the layout of the kernels pays.
  const { model, session } = await openResolved(device, (one) => {
    const inRows = takes && !keepsTensors(one) ? withCaches(graph, presents, computesInPlace(one)) : undefined
    const rows = inRows && { ...inRows, ...withTopTokens(inRows.graph, logits) }
    return { graph: rows?.graph ?? graph, rows, packWeights: true, ...(rows ? {} : { resident }) }
  })
  const { rows } = model
  if (rows)
    return {
      start: (feeds) => rowLogits({ ...rows, session, lastToken }, feeds),
      release: () => session.release(),
    }
  const { newTokens } = ofRows ?? {}
  const decoder: CachedDecoder = { graph, session, presents, lastToken, logits, compact, newTokens }
  const isAlone = !ofRows && statesOf(original).length > 0
  return {
    start: (feeds) => (isAlone ? eachAlone(() => cachedLogits(decoder, feeds)) : cachedLogits(decoder, feeds)),
    release: () => session.release(),
  }
}

/**
 * The output of the cache by its input.
 * @throws {ConfigError} for a graph without a cache, or an input without output.
 */
function presentsOf(graph: Graph): Map<string, string> {
  const caches = cachesOf(graph)
  const states = new Set(statesOf(graph))
  if (caches.length === 0)
    throw new ConfigError({
      where: `model "${graph.name}"`,
      what: 'it keeps no keys and values',
      expected: 'inputs such as past_key_values.0.key, and outputs such as present.0.key',
      found: graph.inputs.slice(0, 6).join(', '),
      fix:
        'Export the model with its cache (optimum-cli: --task text-generation-with-past) and take cachedLanguageModel() ' +
        "of openBase, or build GPT-2 with head: 'language-model' and cache: true. Without one, generate of loadFineTuned " +
        'reads the whole text for each token.',
    })
  return new Map(
    caches.map((name) => {
      const rest = name.replace(/^past(_key_values)?/, '')
      if (!states.has(name)) requireSizes(graph, name)
      const present = [`present${rest}`, `present_key_values${rest}`].find((output) => graph.outputs.includes(output))
      if (present !== undefined) return [name, present]
      throw new ConfigError({
        where: `model "${graph.name}", input "${name}"`,
        what: 'no output gives these keys or values with those of new tokens',
        expected: `an output "present${rest}"`,
        found: graph.outputs.slice(0, 6).join(', '),
      })
    }),
  )
}

/** @throws {ConfigError} for a cache whose number of heads or size of a head the file does not say. */
function requireSizes(graph: Graph, name: string): void {
  const value = getValue(graph, name)
  const [heads, , size] = value.shape.slice(-3)
  if (typeof heads === 'number' && typeof size === 'number') return
  throw new ConfigError({
    where: `model "${graph.name}", input "${name}"`,
    what: 'its shape does not tell the heads of the cache',
    expected: '[batch, heads, tokens, size] with numbers of heads and size',
    found: formatValue(value),
    fix: 'Export the model with those two axes fixed.',
  })
}

function requireInputs(graph: Graph, known: readonly string[]): void {
  const unknown = graph.inputs.filter((name) => !isGridInput(name) && !known.includes(name))
  if (unknown.length === 0) return
  throw new ConfigError({
    where: `model "${graph.name}"`,
    what: 'it takes inputs that a text does not give',
    expected: 'input_ids, attention_mask, position_ids, and a cache',
    found: unknown.slice(0, 6).join(', '),
  })
}
