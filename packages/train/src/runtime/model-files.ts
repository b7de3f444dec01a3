// Writes ONNX files that share their weights, and reads external data on demand.

import { requireKind } from '@cola/graph/door'
import { type ExternalData, externalChunks, type Graph, layoutExternal, writeModel } from '@cola/graph'
import { type Files, type FileSink, placeOf } from '@cola/data'
import { FileError } from '../errors.ts'
import { filesOf, sinkOf } from '../files/files.ts'
import { paths } from '../files/node.ts'
import { sharedWeights } from './weights-in-memory.ts'

/** The file of weights that models share. */
export const frozenWeights = 'frozen_weights.bin'

/**
 * Writes graphs that run as they are as ONNX files that share one external-data file for their frozen weights.
 * @returns The path of each ONNX file, or its name in the sink.
 * @throws {FileError} when the folder cannot be written.
 */
export function writeRunnable(
  target: string | FileSink,
  graphs: Readonly<Record<string, Graph>>,
  weightsFile = frozenWeights,
): Record<string, string> {
  const sink = sinkOf(target)
  const shared = sharedWeights(Object.values(graphs))
  const layout = layoutExternal(shared, { location: weightsFile })
  if (layout.size) sink.write(weightsFile, externalChunks(shared, layout))
  return Object.fromEntries(
    Object.entries(graphs).map(([name, graph]) => {
      const file = `${name}.onnx`
      const used = new Map([...layout].filter(([key]) => graph.initializers.has(key)))
      sink.write(file, [writeModel(graph, used)])
      return [name, typeof target === 'string' ? paths().join(target, file) : file]
    }),
  )
}

/**
 * Access to the external-data files of a model.
 * @param source The folder of the model's ONNX file, or files.
 * @param file Name of the ONNX file, if it lies in a folder below. @default beside the data
 * @throws {FileError} naming a file that is missing.
 */
export function externalDataOf(source: string | Files, file = ''): ExternalData {
  const files = filesOf(source)
  return {
    size: (location) => {
      const name = besideOf(file, location)
      if (files.has(name)) return files.size(name)
      throw new FileError({
        where: placeOf(files, name),
        what: 'the external data of the model is missing',
        fix: 'It must lie beside the ONNX file, under this name.',
      })
    },
    read: (location, offset, length) => files.read(besideOf(file, location), offset, offset + length),
  }
}

/** The name of a file that another one names, from where it lies. */
export const besideOf = (file: string, location: string): string => {
  requireKind('besideOf, file', file, 'text')
  return [...file.split('/').slice(0, -1), ...location.split(/[/\\]/)]
    .filter((part) => part !== '.' && part !== '')
    .join('/')
}
