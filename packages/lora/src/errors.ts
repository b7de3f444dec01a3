// Failures of models and adapters; all carry the same fields as @cola/graph's.

import { ColaError } from '@cola/graph'

export { ColaError, ConfigError, WeightsError } from '@cola/train'

/** An adapter that does not fit the model it is loaded into. */
export class AdapterError extends ColaError {
  override name = 'AdapterError'
}
