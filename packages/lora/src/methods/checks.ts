// Rules of configurations that a schema cannot express.

import { describeValue } from '@cola/data'
import { ConfigError } from '../errors.ts'
import type { AdapterConfigJson } from './method.ts'
import { isAllLinear } from './patterns.ts'
import type { Target } from './target.ts'

/** @throws {ConfigError} for a field that is set and changes the result in a way that is not computed here. */
export function refuseUnsupported(
  config: AdapterConfigJson,
  unsupported: Readonly<Record<string, (value: unknown) => boolean>>,
  where: string,
): void {
  for (const [field, isSet] of Object.entries(unsupported)) {
    const value = (config as unknown as Record<string, unknown>)[field]
    if (isSet(value))
      throw new ConfigError({
        where: `${where}, field "${field}"`,
        what: 'not supported',
        found: describeValue(value),
        fix: 'Merge the adapter with PEFT, or train without it.',
      })
  }
}

/** Fields that PEFT takes only together with, or without, others. */
export interface Contradiction<Config extends AdapterConfigJson = AdapterConfigJson> {
  field: keyof Config & string
  what: string
  holds: (config: Config) => boolean
  /** @default PEFT refuses it too. */
  fix?: string
}

export const patternWithoutLayers: Contradiction = {
  field: 'layers_pattern',
  what: 'needs layers_to_transform',
  holds: (c) => Boolean(c.layers_pattern?.length) && c.layers_to_transform == null,
}

export const layersOfOnePattern: readonly Contradiction[] = (
  ['layers_to_transform', 'layers_pattern'] as const
).flatMap((field) => [
  {
    field,
    what: "not with target_modules 'all-linear', which it is where it is not given",
    holds: (c) => c[field] != null && isAllLinear(c.target_modules),
    fix: "Name the modules, as PEFT asks for too: target_modules: ['q_proj', 'v_proj'], the ends of their names.",
  },
  {
    field,
    what: 'not for a target_modules that is one pattern',
    holds: (c) => c[field] != null && typeof c.target_modules === 'string',
  },
])

/** @throws {ConfigError} for the first contradiction that holds. */
export function refuseContradictions<Config extends AdapterConfigJson>(
  config: Config,
  contradictions: readonly Contradiction<Config>[],
  where: string,
): void {
  const found = contradictions.find(({ holds }) => holds(config))
  if (found)
    throw new ConfigError({
      where: `${where}, field "${found.field}"`,
      what: found.what,
      found: describeValue(config[found.field]),
      fix: found.fix ?? 'PEFT refuses it too.',
    })
}

/** @throws {ConfigError} for an embedding, which some methods cannot adapt. */
export function refuseEmbedding(configClass: string, { kind, module }: Target): void {
  if (kind === 'embedding')
    throw new ConfigError({
      where: `${configClass}, field "target_modules", module "${module}"`,
      what: 'an embedding, which this method does not adapt',
      expected: 'linear layers',
      fix: 'Leave it out; PEFT refuses it too.',
    })
}

/** Ranks up to this one are taken for matrices of any size, as in PEFT: small models are tried with them. */
const anyRank = 4096

/**
 * @throws {ConfigError} for a rank above {@link anyRank} and above both sides of the layer's matrix, before matrices of
 * that size are made.
 */
export function refuseRank(configClass: string, r: number, { module, inFeatures, outFeatures }: Target): void {
  const most = Math.max(anyRank, inFeatures, outFeatures)
  if (r > most)
    throw new ConfigError({
      where: `${configClass}, field "r", module "${module}"`,
      what: 'a rank above both sides of the matrix',
      expected: `at most ${most}`,
      found: String(r),
    })
}
