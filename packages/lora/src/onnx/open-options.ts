// Options of opening an ONNX model, apart from what opens one, which is loaded when it is needed.

import { sourceChecks, type SourceOptions } from '@cola/data'
import { type Check, type Checks, object, oneOf, optionsIn, text } from '@cola/graph/options'
import { type ModelDtype, modelDtypes } from './dtypes.ts'
import type { Quantization } from './quantization.ts'
import { tokenizerChecks, type TokenizerOptions } from './tokenizer-options.ts'

/** Options of {@link openOnnxModel}. */
export interface OnnxModelOptions extends SourceOptions, TokenizerOptions {
  /** The ONNX file, relative to the folder. @default that of `dtype` */
  file?: string
  /**
   * Which of a model's files is opened, by transformers.js's names: `fp16` is `model_fp16.onnx`, `q4` `model_q4.onnx`.
   * @default the first that exists of fp32, fp16, q4, q4f16, q8, int8 and uint8, all of which can be trained
   */
  dtype?: ModelDtype
  /**
   * Quantize the linear layers of a file in float32 or float16 (QLoRA); null: not, whatever a saved adapter was trained on.
   * @default none; for a saved adapter, as in its training
   */
  quantization?: Quantization | null
}

/** How a model was opened, for what is saved with it: the file, where it or a precision was requested, and the rest. */
export interface ModelOrigin extends Readonly<TokenizerOptions> {
  readonly file?: string
  readonly revision?: string
  readonly quantization?: Quantization
}

const [expected, isObject] = object
/** Quantization, or null for none. */
export const quantizationCheck: Check = [`${expected}, or null`, (value) => value === null || isObject(value)]

const originChecks: Checks<ModelOrigin> = { ...tokenizerChecks, file: text, revision: text, quantization: object }

/** The options that a saved model keeps. */
export function originOf({ quantization, ...options }: OnnxModelOptions): ModelOrigin {
  return { ...optionsIn<ModelOrigin>(originChecks, options), ...(quantization ? { quantization } : {}) }
}

/** Checks of {@link OnnxModelOptions}. */
export const onnxModelChecks: Checks<OnnxModelOptions> = {
  ...sourceChecks,
  file: text,
  dtype: oneOf(modelDtypes, { float32: 'fp32', float16: 'fp16', int4: 'q4' }),
  quantization: quantizationCheck,
  ...tokenizerChecks,
}
