// What is written never goes into the base model's own folder. A file of its own: a training has no need of it.

import type { FileSink } from '@cola/data'
import { paths } from '@cola/train/files'
import { ConfigError } from '../errors.ts'
import type { BaseModel } from '../load/base-model.ts'

/** @throws {ConfigError} for the folder of the base model, whose files would be replaced. */
export function refuseFolderOfBase(call: string, folder: string | FileSink, { files, folder: own }: BaseModel): void {
  if (typeof folder !== 'string' || files.path === undefined || paths().resolve(folder) !== paths().resolve(own)) return
  throw new ConfigError({
    where: `${call}, folder ${own}`,
    what: 'the base model lies there, which saved adapters need',
    fix: 'Choose another folder.',
  })
}
