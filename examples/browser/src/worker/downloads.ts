// What is downloaded: the files of each form, in one zip.

import { memoryFiles, memorySink, zipOf } from '@cola/data'
import type { DistilledStudent } from '@cola/distill'
import { exportMerged, loadAdapter } from '@cola/lora'
import type { DownloadKind } from '../messages.ts'
import { type Kept, ownFiles } from './adapters.ts'
import type { OpenModel } from './models.ts'
import { headed } from './serving.ts'
import { siteFiles } from './site.ts'

export interface Downloadable {
  model: OpenModel
  kept: Kept
  student: DistilledStudent | undefined
}

type Write = (parts: Downloadable) => Promise<ReadonlyMap<string, Uint8Array>>

const forms: Readonly<Record<DownloadKind, Write>> = {
  adapter: async ({ kept: { files } }) =>
    new Map(files.names().flatMap((name) => (ownFiles.includes(name) ? [] : [[name, files.read(name)]]))),
  classifier: ({ model, kept }) => classifierFiles(model, kept),
  student: async ({ student }) => studentFiles(student),
  site: async ({ model, kept, student }) =>
    siteFiles(kept.name, student ? await studentFiles(student) : await classifierFiles(model, kept)),
}

/** A zip of a form's files, below a folder of the adapter's name. */
export async function zipFor(kind: DownloadKind, parts: Downloadable): Promise<Blob> {
  const files = await forms[kind](parts)
  return zipOf(memoryFiles(files), { prefix: parts.kept.name })
}

async function classifierFiles(
  { base }: OpenModel,
  { labels, adapter }: Kept,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const sink = memorySink()
  const model = loadAdapter(headed(base, labels.length, adapter.head?.labels), adapter)
  const { config, tokenizer } = base
  await exportMerged(model, { folder: sink, config, tokenizer, labels, layout: 'hub' })
  return sink.written
}

async function studentFiles(student: DistilledStudent | undefined): Promise<ReadonlyMap<string, Uint8Array>> {
  if (!student) throw new Error('There is no student yet: distil first')
  const sink = memorySink()
  await student.export(sink, { layout: 'hub' })
  return sink.written
}
