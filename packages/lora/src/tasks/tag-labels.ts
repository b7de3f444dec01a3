// The tags of a model, from rows and options.

import { iob2Labels, requireSharedLabels, type TagScheme } from '@cola/data'
import { areIob2, readsEntities, requireClearTags } from './tag-scheme.ts'
import type { TaggedWords } from './tagged-words.ts'

const outside = 'O'

/** What tags are, as options say it or as it was found. */
export interface TagLabels {
  labels: readonly string[]
  scheme?: TagScheme | null
  names?: readonly string[]
}

const ownTypeFix =
  'A type is what entities or words share, such as PER or NOUN, and not the entity itself. If they are types, name all ' +
  'tags with the option labels.'

/** The types of tags of IOB2. */
export const typesOf = (tags: readonly string[]): string[] =>
  tags.flatMap((tag) => (tag.startsWith('B-') ? [tag.slice(2)] : []))

/**
 * The tags that rows and options say; for entities those of IOB2.
 * @param tagged The training rows; none for an adapter of PEFT's, whose tags are as they were trained.
 * @throws {DataError | ConfigError} for tags that look like another scheme than the options say, and for tags of which
 * nearly every one is a class of its own.
 */
export function tagLabels(
  tagged: readonly TaggedWords[],
  { labels, scheme }: { labels?: readonly string[] | undefined; scheme?: TagScheme | null | undefined },
): TagLabels {
  if (tagged.length === 0) return trained(labels ?? [outside], scheme)
  const rows = tagged.map(({ tags }) => tags)
  if (scheme === undefined) requireClearTags(rows, labels ?? [], 'train')
  const said = scheme === undefined ? {} : { scheme }
  if (labels) return { ...named(labels, scheme), ...said }
  const isOfEntities = readsEntities({ labels: rows.flat(), ...said })
  const classes = rows.flatMap(isOfEntities ? typesOf : (tags) => [...tags])
  requireSharedLabels(classes, 'train, field "tags" or "spans"', ownTypeFix)
  return { labels: isOfEntities ? ofEntities(tagged) : [...new Set(rows.flat())].sort(), ...said }
}

/** The tags of a head that is trained. Where they are of another scheme than IOB2, rows have them as they are. */
const trained = (labels: readonly string[], scheme: TagScheme | null | undefined): TagLabels =>
  scheme === undefined || (scheme && !areIob2(labels)) ? { labels } : { labels, scheme }

/** Tags of an option; where a scheme makes others of them, numbers in rows still are places among those of the option. */
function named(labels: readonly string[], scheme: TagScheme | null | undefined): TagLabels {
  const found = scheme ? iob2Labels(labels, scheme) : [...labels]
  return labels.every((label, i) => label === found[i]) ? { labels: found } : { labels: found, names: [...labels] }
}

/** `O`, then the tags that occur, sorted. Spans name types: of each there may be an inside. */
function ofEntities(tagged: readonly TaggedWords[]): string[] {
  const occurring = tagged.flatMap(({ tags, field }) =>
    field === 'tags' ? tags : tags.flatMap((tag) => (tag.startsWith('B-') ? [tag, `I-${tag.slice(2)}`] : [tag])),
  )
  return [outside, ...[...new Set(occurring)].filter((tag) => tag !== outside).sort()]
}
