// Models on disk: ONNX files that share their weights, and external data that is read when it is asked for.

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
 * @returns The path of each.
 * @throws {GraphError | ShapeError} for a graph whose element types do not go together, before anything is written.
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

/**
 * The external-data files of a model's folder, read when asked for. @throws {FileError} naming a file that is not
 * there.
 */
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
