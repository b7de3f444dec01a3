// Writes ONNX files that share their weights, and reads external data on demand.

import {
  checkTypes,
  type ExternalData,
  externalChunks,
  type Graph,
  layoutExternal,
  lower,
  type Tensor,
  writeModel,
} from '@cola/graph'
import { FileError } from '../errors.ts'
import { fileSize, fileSystem, paths, readRange, writeFileAtomic } from '../files/node.ts'

/**
 * Writes graphs to a folder as ONNX files that share one external-data file for their frozen weights.
 * @param graphs By file name without extension.
 * @param weightsFile Name of the external-data file. @default 'frozen_weights.bin'
 * @returns The path of each ONNX file.
 * @throws {GraphError | ShapeError} for a graph whose element types are inconsistent, before anything is written.
 * @throws {FileError} when the folder cannot be written.
 */
export function writeModels(
  folder: string,
  graphs: Readonly<Record<string, Graph>>,
  weightsFile = 'frozen_weights.bin',
): Record<string, string> {
  const { join } = paths()
  for (const graph of Object.values(graphs)) checkTypes(graph)
  const shared = new Map<string, Tensor>()
  for (const graph of Object.values(graphs))
    for (const [name, data] of graph.initializers) shareWeight(shared, name, data)
  const layout = layoutExternal(shared, { location: weightsFile })
  if (layout.size) writeFileAtomic(join(folder, weightsFile), externalChunks(shared, layout))
  return Object.fromEntries(
    Object.entries(graphs).map(([name, graph]) => {
      const path = join(folder, `${name}.onnx`)
      writeFileAtomic(
        path,
        writeModel(lower(graph), new Map([...layout].filter(([key]) => graph.initializers.has(key)))),
      )
      return [name, path]
    }),
  )
}

function shareWeight(shared: Map<string, Tensor>, name: string, data: Tensor): void {
  const other = shared.get(name)
  if (other && other !== data && (other.dims.join() !== data.dims.join() || other.dtype !== data.dtype))
    throw new FileError({ where: name, what: 'two models have different weights of this name' })
  shared.set(name, data)
}

/** Access to the external-data files of a model's folder. @throws {FileError} naming a file that is missing. */
export function externalDataOf(folder: string): ExternalData {
  const { join } = paths()
  return {
    size: (location) => {
      const path = join(folder, location)
      if (!fileSystem().existsSync(path))
        throw new FileError({
          where: path,
          what: 'the external data of the model is missing',
          fix: 'It must lie beside the ONNX file, under this name.',
        })
      return fileSize(path)
    },
    read: (location, offset, length) => readRange(join(folder, location), offset, offset + length),
  }
}
