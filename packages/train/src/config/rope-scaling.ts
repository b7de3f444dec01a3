// What config.json says of rotary positions: their bases, and how scaled ones differ from those of the base alone.

import type { ModelConfig } from '@cola/data'
import { numbersIn } from './config-fields.ts'
import type { Said } from './model-fact.ts'

type Description = Readonly<Record<string, unknown>>

/** Objects in which configurations describe rotary positions: of all layers, or of each kind of layers. */
function descriptions(config: ModelConfig): Description[] {
  const isObject = (value: unknown): value is Description => typeof value === 'object' && value !== null
  const given = [config, config.text_config].flatMap((part) =>
    isObject(part) ? [part.rope_scaling, part.rope_parameters].filter(isObject) : [],
  )
  return given.flatMap((one) => [one, ...Object.values(one).filter(isObject)])
}

/** Numbers in fields of a configuration, and of its descriptions of rotary positions. */
export const rotaryNumbers = (config: ModelConfig, fields: readonly string[]): Said[] => [
  ...numbersIn(config, fields),
  ...descriptions(config).flatMap((one) => numbersIn(one as ModelConfig, fields)),
]

export const thetas = (config: ModelConfig): Said[] => rotaryNumbers(config, ['rope_theta', 'rope_local_base_freq'])

const typeOf = ({ rope_type, type }: Description): unknown => rope_type ?? type ?? 'default'

/** Whether positions are scaled, so that frequencies are not those of theta alone. */
export const isScaled = (config: ModelConfig): boolean =>
  descriptions(config).some((one) => typeOf(one) !== 'default' || 'factor' in one)

/** Numbers of turns in the first context from which a kind of scaling leaves a frequency alone or divides it. */
const slowest: Readonly<Record<string, (one: Description) => unknown>> = {
  llama3: ({ low_freq_factor }) => low_freq_factor,
  yarn: ({ beta_slow = 1 }) => beta_slow,
  // Frequencies, or in older exports positions, all of them.
  linear: () => 0,
}

/**
 * By what the lowest frequency is divided: transformers' ROPE_INIT_FUNCTIONS divide those that turn less often in the
 * first context than the slowest. Undefined for kinds that are not known, and where the lowest but one turns as often.
 */
function divisors(one: Description, config: ModelConfig, lowestButOne: number): number[] | undefined {
  const type = String(typeOf(one))
  if (type === 'default') return 'factor' in one ? undefined : [1]
  const turns = Object.hasOwn(slowest, type) ? slowest[type]?.(one) : undefined
  const { factor, original_max_position_embeddings: first } = one
  const contexts = [first, ...rotaryNumbers(config, ['max_position_embeddings']).map(([length]) => length)]
  const longest = Math.max(...contexts.filter((length) => typeof length === 'number'))
  if (typeof turns !== 'number' || typeof factor !== 'number') return undefined
  if (type === 'linear') return [1, factor]
  return (lowestButOne * longest) / (2 * Math.PI) < turns ? [factor] : undefined
}

/** As it is read in a message. */
export const rounded = (value: number): number => Number(value.toPrecision(5))

/** The lowest of the frequencies theta^(-2i / size), i below size / 2, as the configuration scales it. */
export function lowestFrequencies(config: ModelConfig, sizes: readonly Said[]): Said[] {
  const kinds = descriptions(config)
  const found = thetas(config).flatMap(([theta, field]) =>
    sizes.flatMap(([size]) => {
      const frequency = (fromLast: number) => Number(theta) ** (2 * (fromLast / Number(size)) - 1)
      const all = kinds.length > 0 ? kinds.map((one) => divisors(one, config, frequency(2))) : [[1]]
      return all.map((some) => some?.map((divisor): Said => [rounded(frequency(1) / divisor), field]))
    }),
  )
  return found.every((some) => some) ? found.flatMap((some) => some ?? []) : []
}
