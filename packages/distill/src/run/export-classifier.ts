// A student as a classifier for any ONNX Runtime.

import { checkOptions } from '@cola/graph/options'
import type { FileSink } from '@cola/data'
import { ConfigError, formChecks, type ModelFolder, writeClassifier } from '@cola/train'
import type { ServedContext } from './encode-rows.ts'
import type { TrainedStudent } from './student-model.ts'

/** Options of exporting a distilled student. */
export type StudentExportOptions = Pick<ModelFolder, 'dtype' | 'layout'>

/** Writes the classifier's folder. @throws {ConfigError | FileError} as the student's `export`. */
export function exportClassifier(
  folder: string | FileSink,
  { config, model: { graph }, portable }: TrainedStudent,
  { labels, tokenizer, max_length }: ServedContext,
  options: StudentExportOptions = {},
): void {
  checkOptions('export', options, formChecks)
  if (!portable)
    throw new ConfigError({
      where: 'export',
      what: 'the student takes inputs that no other program makes of a text',
      expected: 'input_ids, attention_mask',
      found: graph.inputs.join(', '),
      fix: 'Give the student a function inference(parameters), which makes such a graph.',
    })
  const named = { config: { ...config }, labels: labels.map(String) }
  writeClassifier({ ...options, ...named, folder, graph, tokenizer, max_length })
}
