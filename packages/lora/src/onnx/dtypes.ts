// The files of one model in several precisions, by transformers.js's names.

/** transformers.js's `dtype`: the end of the name of the file that has it. */
const suffixes = {
  fp32: '',
  fp16: '_fp16',
  q8: '_quantized',
  int8: '_int8',
  uint8: '_uint8',
  q4: '_q4',
  q4f16: '_q4f16',
  bnb4: '_bnb4',
} as const

/**
 * Precision of a model's file. Training computes in float32 from any of them. Matrices of `q4` and `q4f16` keep their
 * four bits, those of `q8`, `int8` and `uint8` their eight, and those of `bnb4` are held in float32; activations, which
 * files in eight bits round, are not rounded.
 */
export type ModelDtype = keyof typeof suffixes

export const modelDtypes = Object.keys(suffixes) as ModelDtype[]

/**
 * The precisions that are opened where none is asked for, in this order. Files in eight bits are last: a matrix has one
 * scale there, and the numbers that are trained differ from those of a runtime, which rounds activations too.
 */
const preferred: readonly ModelDtype[] = ['fp32', 'fp16', 'q4', 'q4f16', 'q8', 'int8', 'uint8', 'bnb4']

/** Names of the file: Optimum's of decoders, until it wrote one model with a cache, are the second and the third. */
const stems = ['model', 'decoder_model_merged', 'decoder_model']

/** Paths of a model's ONNX file in a precision, in the order in which they are tried. */
export const filesOfDtype = (dtype: ModelDtype): string[] =>
  stems.map((stem) => `${stem}${suffixes[dtype]}.onnx`).flatMap((name) => [name, `onnx/${name}`])

/** Paths of a model's ONNX file in any precision that can be trained, in the order in which they are tried. */
export const onnxFiles: readonly string[] = preferred.flatMap(filesOfDtype)
