// Writes graphs as ONNX files that any ONNX Runtime loads.

import type { FileSink } from '@cola/data'
import { checkTypes, type Graph, lower, packMatrices } from '@cola/graph'
import { writeRunnable } from './model-files.ts'

/**
 * Writes graphs as ONNX files that share one external-data file for their frozen weights.
 * @param target A folder, or a sink.
 * @param graphs By file name without extension.
 * @param weightsFile Name of the external-data file. @default 'frozen_weights.bin'
 * @returns The path of each ONNX file, or its name in the sink.
 * @throws {GraphError | ShapeError} for a graph whose element types are inconsistent, before anything is written.
 * @throws {FileError} when the folder cannot be written.
 */
export function writeModels(
  target: string | FileSink,
  graphs: Readonly<Record<string, Graph>>,
  weightsFile?: string,
): Record<string, string> {
  const runnable = Object.entries(graphs).map(([name, graph]) => {
    checkTypes(graph)
    return [name, packMatrices(lower(graph))] as const
  })
  return writeRunnable(target, Object.fromEntries(runnable), weightsFile)
}
