// Typed errors of running and training, with the fields of @cola/graph's ColaError.

import { ColaError, ConfigError } from '@cola/graph/errors'

export { ColaError, ConfigError }

/** A device is not available, or no runtime is installed. */
export class DeviceError extends ColaError {
  override name = 'DeviceError'
}

/** The device stopped working during a run: a driver was reset, a GPU removed, a browser took it away. */
export class DeviceLostError extends DeviceError {
  override name = 'DeviceLostError'
}

/** The runtime refuses a model, on a device that works. */
export class ModelError extends ColaError {
  override name = 'ModelError'
}

/** Inputs that do not fit a model: one is missing, has the wrong shape, or holds ids out of range. */
export class FeedError extends ColaError {
  override name = 'FeedError'
}

/** A session is released or has ended, or another call that changes its state is running. */
export class SessionError extends ColaError {
  override name = 'SessionError'
}

/** The loss is NaN or infinite. */
export class NonFiniteLossError extends ColaError {
  override name = 'NonFiniteLossError'
}

/** A file could not be read or written. */
export class FileError extends ColaError {
  override name = 'FileError'
}

/** A checkpoint does not belong to this model or this run. */
export class CheckpointError extends ColaError {
  override name = 'CheckpointError'
}

/** Weights do not fit the configuration: one is missing or has another shape. */
export class WeightsError extends ColaError {
  override name = 'WeightsError'
}

/** The classes by name: an error from another thread is created again from its name and its problem. */
export const errorClasses = {
  CheckpointError,
  ConfigError,
  DeviceError,
  DeviceLostError,
  FeedError,
  FileError,
  ModelError,
  NonFiniteLossError,
  SessionError,
  WeightsError,
} as const
