// Default target modules by model type.

import type { Graph } from '@cola/graph'
import { ConfigError } from '../errors.ts'
import type { AdapterConfigJson } from '../methods/method.ts'
import { methodOf } from '../methods/methods.ts'
import type { AdaptableLayer } from './inspect.ts'

/**
 * The configuration with PEFT's default modules for the model's type in fields that are not set. The type is
 * `model_type` of the graph's metadata.
 * @throws {ConfigError} for a type without defaults, listing the linear layers.
 */
export function withDefaultModules<Config extends AdapterConfigJson>(
  config: Config,
  { metadata }: Graph,
  layers: readonly AdaptableLayer[],
): Config {
  const { configClass, defaultModules } = methodOf(config)
  const { model_type: type } = metadata
  const fields = Object.entries(defaultModules).filter(([field]) => config[field as keyof Config] == null)
  const added = fields.map(([field, byType]) => {
    const names = byType.get(type ?? '')
    if (names != null) return [field, typeof names === 'string' ? names : [...names]] as const
    const linear = layers
      .filter(({ kind }) => kind === 'linear')
      .map(({ module }) => module.split('.').at(-1) as string)
    throw new ConfigError({
      where: `${configClass}, field "${field}"`,
      what:
        type === undefined
          ? 'not given, and the model does not say its type'
          : `not given, and PEFT has no default for "${type}"`,
      expected: `some of ${[...new Set(linear)].slice(0, 16).join(', ')}`,
      found: 'none',
      fix:
        field === 'target_modules'
          ? "Name the layers with target_modules; 'all-linear' takes all but the head."
          : `Name them with ${field}; [] is none.`,
    })
  })
  return { ...config, ...Object.fromEntries(added) }
}
