// Failures of models and adapters; all carry the same fields as @cola/graph's.

import { ColaError } from '@cola/graph'

/** A configuration with unknown or contradictory fields. */
export class ConfigError extends ColaError {}

/** Weights that do not fit the configuration: missing, or of another shape. */
export class WeightsError extends ColaError {}

/** An adapter that does not fit the model it is loaded into. */
export class AdapterError extends ColaError {}
