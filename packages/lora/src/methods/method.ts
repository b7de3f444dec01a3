// The interface of an adapter method: everything that differs between LoRA and the other methods.

import type { Builder, Node, Tensor, Value } from '@cola/graph'
import type { PatternUse } from '../regex/python.ts'
import type { Schema } from '../schema.ts'
import type { Ia3Types } from './ia3.ts'
import type { LoraTypes } from './lora.ts'
import type { Target } from './target.ts'
import type { VeraTypes } from './vera.ts'

/** Modules: a pattern that matches the whole name, or names and ends of names. */
export type Names = string | readonly string[] | null | undefined

/** Fields of every method's configuration; those that a method lacks are undefined. PEFT documents each. */
export interface AdapterConfigJson {
  peft_type: PeftType
  task_type?: string | null | undefined
  base_model_name_or_path?: string | null | undefined
  target_modules?: string | string[] | null | undefined
  exclude_modules?: string | string[] | null | undefined
  modules_to_save?: string[] | null | undefined
  layers_to_transform?: number | number[] | null | undefined
  layers_pattern?: string | string[] | null | undefined
  trainable_token_indices?: number[] | Record<string, number[]> | null | undefined
  ensure_weight_tying?: boolean | undefined
  fan_in_fan_out: boolean
  /** Biases of the base model that are trained: `none`, `all`, or those of the targets: `lora_only`. */
  bias?: string | undefined
}

/** The types that a method defines. */
export interface TypesOfMethod {
  /** adapter_config.json. */
  config: AdapterConfigJson
  /** A layer with its settings from the configuration. */
  target: Target
}

/** Every method under PEFT's `peft_type`. One without its types, or without its row in the table, does not compile. */
export interface MethodTypes {
  LORA: LoraTypes
  IA3: Ia3Types
  VERA: VeraTypes
}

/** Names of adapter methods: PEFT's `peft_type`. */
export type PeftType = keyof MethodTypes

/** The configuration of one method, or of all. */
export type ConfigOf<M extends PeftType> = MethodTypes[M]['config']

/** A tensor of an adapted model by its name. */
export type TensorOf = (name: string) => Tensor

/** Initial values of a target's parameters, by name. */
interface FirstValues {
  readonly values: ReadonlyMap<string, Tensor>
  /** The base matrix without the part that the values take, in its layout; undefined where it is unchanged. */
  readonly base?: Tensor
}

/** Adds the adapter to the graph; returns the value that replaces the output of the target's node. */
type Adapt<T extends TypesOfMethod> = (g: Builder, node: Node, output: Value, target: T['target']) => Value

/** A layer's parameters, which merging changes. */
export interface LayerWeights {
  readonly weight: Tensor
  /** Undefined for a layer without one. */
  readonly bias: Tensor | undefined
}

/** A regular expression in a configuration, and the way in which PEFT applies it. */
export interface Pattern {
  readonly field: string
  readonly use: PatternUse
  readonly pattern: string
}

/** The reason for which a use of an adapter is not supported, a clause of a sentence; undefined where it is. */
type Refusal<T extends TypesOfMethod> = (config: T['config']) => string | undefined

/** Frozen tensors that all targets share. */
export interface SharedTensors<T extends TypesOfMethod> {
  /** Names in PEFT's file by names in the graph, which begin with `constant.`: they are no parameters. */
  readonly names: ReadonlyMap<string, string>
  /** The fix for a file that lacks them. */
  readonly fix: string
  /** Whether the file holds them. */
  readonly areSaved: (config: T['config']) => boolean
  /** Their values, by names in the graph; loading replaces them by those of the file. */
  readonly values: (config: T['config'], targets: readonly T['target'][]) => ReadonlyMap<string, Tensor>
}

/** For methods whose targets share no tensors. */
export const nothingShared: SharedTensors<TypesOfMethod> = {
  names: new Map(),
  fix: '',
  areSaved: () => false,
  values: () => new Map(),
}

export interface Method<T extends TypesOfMethod> {
  /** Name in text: `LoRA`. */
  readonly title: string
  /** PEFT's class of the configuration: `LoraConfig`. */
  readonly configClass: string
  /** Prefix of its parameters' names in a module: `lora_`. */
  readonly prefix: string
  /** Fields of the configuration and their defaults, as PEFT has them. */
  readonly schema: Schema<T['config']>
  /** Fields that `fineTune` sets where its caller does not. */
  readonly suggested: Partial<T['config']>
  /**
   * Checks the rules that a schema cannot express.
   * @param where Names the configuration in errors.
   * @throws {ConfigError} for fields that contradict each other, or request an unsupported variant.
   */
  readonly check: (config: T['config'], where: string) => void
  /** Its regular expressions, beside those of the fields that every method has. */
  readonly patterns: (config: T['config']) => readonly Pattern[]
  /** Fields whose keys are ends of module names: `rank_pattern`. */
  readonly keyedByModule: readonly (keyof T['config'] & string)[]
  /** Modules that fields name by default, by the model's `model_type`: PEFT's mappings. */
  readonly defaultModules: { readonly [Field in keyof T['config']]?: ReadonlyMap<string, Names> }
  /** A layer as a target. @throws {ConfigError} for one that the method, or this configuration of it, cannot adapt. */
  readonly target: (config: T['config'], layer: Target) => T['target']
  readonly shared: SharedTensors<T>
  /** Names of the trained parameters at a target, the same in the graph and in PEFT's file. */
  readonly names: (target: T['target'], config: T['config']) => readonly string[]
  /** First values of those parameters, in their order. @throws {ConfigError} for a way that is not known. */
  readonly firstValues: (
    target: T['target'],
    config: T['config'],
    context: { weight: Tensor; seed: number },
  ) => FirstValues
  /** Adds the adapter to a graph; called once for each graph, so that targets can share values. */
  readonly adapt: (config: T['config']) => Adapt<T>
  /** Merges the adapter into a layer, which may have a bias afterwards that it had not. */
  readonly merge: (target: T['target'], config: T['config'], tensorOf: TensorOf, layer: LayerWeights) => LayerWeights
  /** The base matrix, computed from the merged one; `original` where that is impossible. */
  readonly unmerge: (
    target: T['target'],
    config: T['config'],
    tensorOf: TensorOf,
    matrices: { merged: Tensor; original: Tensor },
  ) => Tensor
  /** Whether the adapter changes what a target computes. */
  readonly isActive: (target: T['target'], config: T['config'], tensorOf: TensorOf) => boolean
  /** Rank and scaling of a target, for `adapterStatus`. */
  readonly status: (target: T['target']) => { readonly r?: number; readonly scaling?: number }
  /**
   * The configuration by which parameters are initialized before the values of a file replace them.
   * @throws {AdapterError} for changes of the base matrices that the file does not contain.
   */
  readonly loaded: (config: T['config']) => T['config']
  /** Sentence of the model card: `Rank 8, alpha 16.` */
  readonly summary: (config: T['config']) => string
  /** Why `switchable` cannot make its parameters inputs of a session. */
  readonly unswitchable: Refusal<T>
  /** Why `combineAdapters` cannot combine it with others. */
  readonly uncombinable: Refusal<T>
}
