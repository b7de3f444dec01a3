// What hinders the opening of a model, and what to do about it. Loaded for the error.

import { type Files, placeOf } from '@cola/data'
import { closestName } from '@cola/graph/options'
import { ConfigError } from '../errors.ts'
import { type ModelDtype, filesOfDtype, modelDtypes, onnxFiles } from './dtypes.ts'
import type { OnnxModelOptions } from './open-options.ts'

/** What was asked for. */
type Asked = Pick<OnnxModelOptions, 'file' | 'dtype'>

/** The bits of a matrix in the files of a precision, for those that `quantization` has too. */
const bitsOf: Partial<Record<ModelDtype, number>> = { q4: 4, q4f16: 4, bnb4: 4, q8: 8, int8: 8, uint8: 8 }

/** A folder without any of the paths at which the file may be. */
export function noModel(files: Files, paths: readonly string[], asked: Asked): ConfigError {
  const isAny = asked.file === undefined && asked.dtype === undefined
  return new ConfigError({
    where: files.where,
    what: 'no ONNX model',
    expected: `${paths.slice(0, 2).join(' or ')}${isAny ? ', or one of another precision' : ''}`,
    found: files.names().slice(0, 12).join(', ') || 'no files',
    fix: files.has('adapter_config.json')
      ? 'This is an adapter: loadFineTuned(adapter, { base }) opens it, and fineTune(base, { adapter }) trains it further.'
      : missingFix(files, asked),
  })
}

/** What to do, by the ONNX files that are there. */
export function missingFix(files: Files, { file, dtype }: Asked): string {
  const present = files.names().filter((name) => name.endsWith('.onnx'))
  const [other] = onnxFiles.filter((path) => present.includes(path))
  if (dtype !== undefined && other !== undefined) return withoutDtype(dtype, other)
  const closest = file === undefined ? undefined : closestFile(file, present)
  if (closest !== undefined) return `Did you mean ${closest}?`
  if (present.length > 0) return `Name one that is there with the option file: ${present.join(', ')}.`
  const model = `optimum-cli export onnx --model ${files.where} FOLDER`
  return dtype === undefined
    ? `Name its ONNX file with the option file, or export one: ${model}`
    : `Leave dtype out: not every model has a file of each precision. Where it has none, export one: ${model}`
}

function withoutDtype(dtype: ModelDtype, path: string): string {
  const found = modelDtypes.find((one) => filesOfDtype(one).includes(path)) as ModelDtype
  const bits = found === 'fp32' || found === 'fp16' ? bitsOf[dtype] : undefined
  const quantized = bits === undefined ? '' : `; for ${bits} bits, quantization: { bits: ${bits} }`
  return `Leave dtype out: it has ${path} (${found})${quantized}.`
}

/** The file of that name in another folder, else the most similar. */
const closestFile = (file: string, present: readonly string[]): string | undefined =>
  present.find((path) => path.split('/').at(-1) === file.split(/[\\/]/).at(-1)) ?? closestName(file, present)

/** A file and a precision, each of which names the file. */
export const fileAndDtype = (): ConfigError =>
  new ConfigError({
    where: 'option dtype',
    what: 'the option file names the file already',
    fix: 'Give one of the two.',
  })

/** A config.json that says nothing of what the model is. */
export const noModelType = (files: Files): ConfigError =>
  new ConfigError({
    where: placeOf(files, 'config.json'),
    what: 'no model_type',
    fix: 'Add it: bert, llama, ... It decides how parameters are named.',
  })

/** An option of opening, for a model that is open. */
export const isOpenAlready = (option: string): ConfigError =>
  new ConfigError({
    where: `openBase, option ${option}`,
    what: 'the model is open already',
    fix: 'Give the option where the model is opened.',
  })
