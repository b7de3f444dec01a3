// A layer that can have an adapter, in the form that every method uses.

/** Kinds of layers that an adapter method can target. */
export type LayerKind = 'linear' | 'embedding'

/** An embedding is a linear layer of one-hot rows: [num_embeddings, embedding_dim]. */
export interface Target {
  readonly kind: LayerKind
  /** Module name, as PEFT prints it: `transformer.h.0.attn.c_attn`. */
  readonly module: string
  /** Initializer that holds the matrix. */
  readonly weight: string
  /** Initializer that holds the bias, where there is one. */
  readonly bias: string | undefined
  /** Whether the matrix is [out, in] (PyTorch's Linear) instead of [in, out] (Conv1D, Embedding). */
  readonly transposed: boolean
  readonly inFeatures: number
  readonly outFeatures: number
}

/** PEFT's prefix of module names in an adapter file. */
export const peftPrefix = 'base_model.model.'

/** Name of a parameter that an adapter adds to a module, as in PEFT's file. */
export const parameterName = (module: string, parameter: string): string => `${peftPrefix}${module}.${parameter}`
