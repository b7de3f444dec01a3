// Tensors and sessions of the runtime: the types of onnxruntime-common, whose declarations need lib.dom, which not
// every project has. A test holds them against each other.

/** Arrays of tensors' elements, by type. */
export interface OrtArrays {
  float32: Float32Array
  uint8: Uint8Array
  int8: Int8Array
  uint16: Uint16Array
  int16: Int16Array
  int32: Int32Array
  int64: BigInt64Array
  string: string[]
  bool: Uint8Array
  float16: Uint16Array
  float64: Float64Array
  uint32: Uint32Array
  uint64: BigUint64Array
  uint4: Uint8Array
  int4: Int8Array
}

/** The type of a tensor's elements. */
export type OrtType = keyof OrtArrays

type OrtElement<Type extends OrtType> = Type extends 'string'
  ? string
  : Type extends 'bool'
    ? boolean
    : Type extends 'int64' | 'uint64'
      ? bigint
      : number

/** A type of the page, where the project has one. */
type GlobalType<Name extends string, Otherwise = unknown> = typeof globalThis extends {
  [key in Name]: { prototype: infer Type }
}
  ? Type
  : Otherwise

/** A tensor of the runtime. */
export interface OrtTensor {
  readonly type: OrtType
  readonly dims: readonly number[]
  /** The elements. @throws {Error} of a tensor that is on a device. */
  readonly data: OrtArrays[OrtType]
  /** The number of elements. */
  readonly size: number
  readonly location: 'none' | 'cpu' | 'cpu-pinned' | 'texture' | 'gpu-buffer' | 'ml-tensor'
  readonly texture: GlobalType<'WebGLTexture'>
  readonly gpuBuffer: GlobalType<'GPUBuffer', { size: number; mapState: 'unmapped' | 'pending' | 'mapped' }>
  readonly mlTensor: GlobalType<'MLTensor', { destroy(): void }>
  /** The elements, from the device where they are there. */
  getData(releaseData?: boolean): Promise<OrtArrays[OrtType]>
  reshape(dims: readonly number[]): OrtTensor
  toDataURL(format?: object): string
  toImageData(format?: object): GlobalType<'ImageData'>
  /** Frees the tensor's memory on a device. */
  dispose(): void
}

/** Tensors of the runtime, by the names of a graph's inputs or outputs. */
export type OrtTensors = Record<string, OrtTensor>

/** Makes tensors in memory. */
export type OrtTensorConstructor = new <Type extends OrtType>(
  type: Type,
  data: OrtArrays[Type] | readonly OrtElement<Type>[],
  dims?: readonly number[],
) => OrtTensor & { readonly type: Type; readonly data: OrtArrays[Type] }

/** What is known of an input or output of a session. */
export type OrtValueMetadata =
  | { readonly name: string; readonly isTensor: false }
  | {
      readonly name: string
      readonly isTensor: true
      readonly type: OrtType
      readonly shape: readonly (number | string)[]
    }

/** A session of the runtime. */
export interface OrtSession {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  readonly inputMetadata: readonly OrtValueMetadata[]
  readonly outputMetadata: readonly OrtValueMetadata[]
  /** Computes all outputs. */
  run(feeds: Readonly<OrtTensors>, runOptions?: object): Promise<Readonly<OrtTensors>>
  /** Computes some outputs. @param fetches Their names, or tensors that they are written into. */
  run(
    feeds: Readonly<OrtTensors>,
    fetches: readonly string[] | Readonly<Record<string, OrtTensor | null>>,
    runOptions?: object,
  ): Promise<Readonly<OrtTensors>>
  /** Begins to record how long nodes take. */
  startProfiling(): void
  /** Ends the recording. */
  endProfiling(): void
  /** Frees the session's memory. */
  release(): Promise<void>
}

/** The options of a session that are used here. */
export interface SessionOptions {
  executionProviders?: readonly string[]
  intraOpNumThreads?: number
  logSeverityLevel?: 0 | 1 | 2 | 3 | 4
  enableMemPattern?: boolean
  enableProfiling?: boolean
  profileFilePrefix?: string
  optimizedModelFilePath?: string
  extra?: Record<string, unknown>
  externalData?: readonly { path: string; data: Uint8Array }[]
  preferredOutputLocation?: Readonly<Record<string, 'cpu' | 'gpu-buffer'>>
}
