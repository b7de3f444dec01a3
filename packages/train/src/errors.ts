// Failures of running and training; all carry the same fields as @cola/graph's.

import { ColaError } from '@cola/graph'

/** A device that is not there, or a runtime that is not installed. */
export class DeviceError extends ColaError {}

/** A model that the runtime does not take, on a device that works. */
export class ModelError extends ColaError {}

/** Feeds that a model does not take: a missing input, a wrong shape, ids out of range. */
export class FeedError extends ColaError {}

/** The loss stopped being a number. */
export class NonFiniteLossError extends ColaError {}

/** A file could not be read or written. */
export class FileError extends ColaError {}

/** A checkpoint does not belong to this model or this run. */
export class CheckpointError extends ColaError {}

/** A configuration with unknown or contradictory fields. */
export class ConfigError extends ColaError {}

/** Weights that do not fit the configuration: missing, or of another shape. */
export class WeightsError extends ColaError {}

/** The classes by name: an error that crosses to another thread is made again from its name and its problem. */
export const errorClasses = {
  CheckpointError,
  ConfigError,
  DeviceError,
  FeedError,
  FileError,
  ModelError,
  NonFiniteLossError,
  WeightsError,
} as const
