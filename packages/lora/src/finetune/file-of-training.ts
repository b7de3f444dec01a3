// The ONNX file that an adapter was trained on, beside the one that its base is opened from. Loaded where the training
// asked for a file or a precision.

import { fetchFiles, openFiles, type Source, sourceChecks } from '@cola/data'
import { optionsIn } from '@cola/graph/options'
import { filesOf } from '@cola/train/files'
import type { BaseModel } from '../load/base-model.ts'
import { onnxFiles } from '../onnx/dtypes.ts'
import type { OnnxModelOptions } from '../onnx/open-options.ts'

/** The file as an option of opening the base, where the base has it. */
export async function fileIn(source: Source, file: string, open: OnnxModelOptions): Promise<OnnxModelOptions> {
  const files = filesOf(await openFiles(source, { ...optionsIn(sourceChecks, open), files: [] }))
  await fetchFiles(files, [{ path: file, optional: true }])
  return files.has(file) ? { file } : {}
}

/** What is told of a base that is opened from another file; undefined where it is the same. @param what The adapter. */
export function otherFile(what: string, trained: string, { origin, files }: BaseModel): string | undefined {
  const opened = origin.file ?? onnxFiles.find((path) => files.has(path))
  if (opened === trained) return undefined
  const fix = files.has(trained)
    ? `open: { file: ${JSON.stringify(trained)} } opens it as in training`
    : 'the base has no such file'
  return `${what}: it was trained on ${trained}, and this base is ${opened ?? 'of other weights'}: answers may differ; ${fix}`
}
