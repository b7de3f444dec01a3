// What is written never goes into the base model's own folder. A file of its own: a training has no need of it.

import type { FileSink } from '@cola/data'
import { refuseFolderOf } from '@cola/train/files'
import type { BaseModel } from '../load/base-model.ts'

/** @throws {ConfigError} for the folder of the base model, whose files would be replaced. */
export const refuseFolderOfBase = (call: string, folder: string | FileSink, { files }: BaseModel): void =>
  refuseFolderOf(call, folder, { 'the base model': files })
