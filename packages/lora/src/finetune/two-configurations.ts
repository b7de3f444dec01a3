// What is said of an adapter to go on from, and a configuration beside it. Loaded for that.

import { ConfigError } from '../errors.ts'

export const twoConfigurations = (): ConfigError =>
  new ConfigError({
    where: 'fineTune, option lora',
    what: 'the adapter that training goes on from has a configuration of its own',
    fix: 'Leave out lora, or adapter.',
  })

/** The option quantization, and that of open. */
export const twoQuantizations = (where: string): ConfigError =>
  new ConfigError({ where: `${where}, option quantization`, what: 'open has one too', fix: 'Leave one of them out.' })
